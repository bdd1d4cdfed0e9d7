// SPDX-License-Identifier: MIT
/**
 * Wrong usage of the commands that measure and report: it is told, on stderr alone, and nothing is
 * written.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixturePath, GUEST } from '../../support/records.ts';
import { share } from '../../support/share.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const guest = fixturePath(GUEST);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-usage-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Usage = readonly [args: readonly string[], complaint: RegExp];

/** A value that means nothing, an option that is none, and one of its own, of each; and so on. */
const USAGES: Readonly<Record<string, readonly Usage[]>> = {
  bench: [
    [['sections', '--rounds', '3'], /--rounds wants a whole number from 15 to 10000, not '3'/],
    [['sections', '--batch', '0'], /--batch wants milliseconds/],
    [['locks', '--workers', '65'], /--workers wants whole numbers from 1 to 64, not '65'/],
    [['locks', '--seconds', 'ten'], /--seconds wants numbers/],
    [['sections', '--workers', '2'], /--workers is an option of the other benchmark, locks/],
    [['locks', '--batch', '2'], /--batch is an option of the other benchmark, sections/],
    [
      ['locks', '--lock', 'async-mutex'],
      /--lock wants one of mutex, .*spin, .*, not 'async-mutex'/,
    ],
    [['--rounds', '1.5'], /--rounds wants/],
    [['locks', '--json', 'missing/record.json'], /--json cannot write to .*ENOENT/],
    [['--json', 'locks'], /--json takes 'locks' for the name of a file/],
    [['paragraphs'], /There is no benchmark 'paragraphs', but sections, locks/],
    [['--workers'], /value is missing\. See/],
    [['--fast'], /Unknown option `--fast`/],
    [['sections', 'locks'], /Unused args/],
  ],
  trace: [
    [[], /behind '--' which program/],
    [['--every', '0', '--', 'node'], /--every wants/],
    [['--events', 'many', '--', 'node'], /--events wants/],
    [['--out', 'one.json', '--out', 'two.json', '--', 'node'], /--out wants one file/],
    [['--', '/no/such/program'], /cannot be run/],
    [['--sometimes', '--', 'node'], /sometimes`?\. See/],
    [['--out', '-', '--', 'node'], /--out wants a file, not -: stdout is the program's/],
    [
      ['--out', 'no/such/folder.json', '--', 'node', '-e', 'process.exit(9)'],
      /--out cannot write to '.*no\/such\/folder\.json': ENOENT/,
    ],
  ],
  report: [
    [[guest, '--out', guest], /would replace a record/],
    [[guest, '--oot', 'x'], /[Uu]nknown option/],
    [[guest, '--out'], /value is missing|--out wants/],
    [[guest, '--out', 'a', '--out', 'b'], /--out wants one file/],
    [[], /: Say which files: rseq-slice report all\.json\. See/],
    [[guest, '--json', '--out', '-'], /both want stdout/],
    [[guest, '--out='], /--out/],
    [[guest, '--json', '--json'], /--json is given once, and takes no value/],
  ],
};

describe.each(Object.entries(USAGES))('%s', (command, usages) => {
  it.each(share(usages, { every: 4 }))('refuses %j', (args, complaint) => {
    const file = 'rseq-slice-report.html';
    writeFileSync(join(folder, file), 'earlier');
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [program, command, ...args],
      { cwd: folder, encoding: 'utf8' },
    );
    expect({ status, signal, stdout }).toEqual({ status: 2, signal: null, stdout: '' });
    expect(stderr).toMatch(complaint);
    expect(stderr.endsWith(`See rseq-slice ${command} --help.\n`), stderr).toBe(true);
    expect(readdirSync(folder)).toEqual([file]);
    expect(readFileSync(join(folder, file), 'utf8')).toBe('earlier');
  });
});
