// SPDX-License-Identifier: MIT
/** Where lines break, how wide a stream is, and what is found out of a file before the work. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { requireWritable, widthOf, wrap, wrapListed } from '../../../lib/cli/output.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a line', () => {
  it('breaks between words, and what follows is indented', () => {
    expect(wrap('one two three four', 9)).toBe('one two\nthree\nfour');
    expect(wrap('  one two three', 9, 2)).toBe('  one two\n    three');
    expect(wrap('first\nsecond line', 8)).toBe('first\nsecond\nline');
  });

  it('keeps a word that is longer than it', () => {
    expect(wrap('in /a/long/path here', 8)).toBe('in\n/a/long/path\nhere');
  });

  it('does not count colours', () => {
    expect(wrap('\x1b[1mone two\x1b[22m', 7)).toBe('\x1b[1mone two\x1b[22m');
  });

  it('of a list continues below its text', () => {
    expect(wrapListed('  --one  first second third', 20)).toBe(
      '  --one  first\n         second\n         third',
    );
    expect(wrapListed('  --a-very-long-one  first second', 24)).toBe(
      '  --a-very-long-one\n    first second',
    );
  });
});

it.each([
  [{ isTTY: true, columns: 132 }, '70', 132],
  [{ isTTY: true, columns: 0 }, '70', 80],
  [{}, '70', 70],
  [{}, '', 80],
  [{}, 'wide', 80],
  [{}, '3', 40],
])('%j with COLUMNS=%s has %i columns', (stream, columns, width) => {
  vi.stubEnv('COLUMNS', columns);
  expect(widthOf(stream)).toBe(width);
});

it('finds out whether a file can be written, and changes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-output-'));
  try {
    const old = join(folder, 'old.json');
    writeFileSync(old, 'earlier');
    requireWritable('--json', old);
    expect(readFileSync(old, 'utf8')).toBe('earlier');
    requireWritable('--json', join(folder, 'new.json'));
    expect(readdirSync(folder)).toEqual(['old.json']);
    expect(() => {
      requireWritable('--json', join(folder, 'no/such.json'));
    }).toThrow(/^--json cannot write to '.*such\.json': ENOENT/);
    expect(() => {
      requireWritable('--out', folder);
    }).toThrow(/^--out cannot write to '.*': EISDIR/);
    symlinkSync('later.json', join(folder, 'link.json'));
    requireWritable('--out', join(folder, 'link.json'));
    expect(readdirSync(folder)).toEqual(['link.json', 'old.json']);
    symlinkSync('no/such.json', join(folder, 'astray.json'));
    expect(() => {
      requireWritable('--out', join(folder, 'astray.json'));
    }).toThrow(/^--out cannot write to '.*such\.json': ENOENT/);
    if (existsSync('/dev/null')) requireWritable('--out', '/dev/null');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
