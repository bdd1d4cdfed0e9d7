// SPDX-License-Identifier: MIT
/**
 * The command `report` as a person runs it: where the page goes, what is said,
 * how it ends, and that bad input changes nothing. Wrong usage is in usage.test.ts.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixturePath, GUEST, HOST, readFixture, SECTIONS } from '../../support/records.ts';

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-report-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function report(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [program, 'report', ...args],
    { encoding: 'utf8', cwd: folder, maxBuffer: 64 << 20 },
  );
  return { status, signal, stdout, stderr };
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const guest = fixturePath(GUEST);

let printed: ReturnType<typeof report> | undefined;
/** What is printed where the page is to go to stdout. */
const onStdout = () => (printed ??= report(guest, '--out', '-'));

describe('a page', () => {
  it('goes to a file that is told', () => {
    expect(report(guest)).toEqual({
      status: 0,
      signal: null,
      stdout: 'The report is in rseq-slice-report.html.\n',
      stderr: '',
    });
    expect(read('rseq-slice-report.html')).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
    expect(readdirSync(folder)).toEqual(['rseq-slice-report.html']);
  });

  it('goes to a file of choice, in place of an earlier one, with all records', () => {
    writeFileSync(join(folder, 'a.html'), 'earlier');
    expect(report(guest, fixturePath(HOST), fixturePath(SECTIONS), '--out', 'a.html')).toEqual({
      status: 0,
      signal: null,
      stdout: 'The report is in a.html.\n',
      stderr: '',
    });
    for (const name of [GUEST, HOST, SECTIONS])
      expect(read('a.html')).toContain(`<code>${name}</code>`);
    expect(readdirSync(folder)).toEqual(['a.html']);
  });

  it('has all records of a list, as `bench --json` writes it', () => {
    writeFileSync(
      join(folder, 'all.json'),
      `[${readFileSync(fixturePath(SECTIONS), 'utf8')},${readFileSync(fixturePath(HOST), 'utf8')}]`,
    );
    const { status, stdout } = report('all.json', '--json');
    expect(status).toBe(0);
    const { records } = JSON.parse(stdout) as { records: { figures: { benchmark: string } }[] };
    const each = [SECTIONS, HOST].map(
      (name) =>
        (
          JSON.parse(report(fixturePath(name), '--json').stdout) as {
            records: { reading: unknown }[];
          }
        ).records[0],
    );
    expect(records).toHaveLength(2);
    expect(JSON.stringify(records).replaceAll('all.json', '')).toBe(
      JSON.stringify(each).replaceAll(SECTIONS, '').replaceAll(HOST, ''),
    );
  });

  it('goes to stdout, and is the same every time', () => {
    printed = undefined;
    const { stdout, ...ending } = onStdout();
    expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
    expect(readdirSync(folder)).toEqual([]);
    report(guest);
    expect(read('rseq-slice-report.html')).toBe(stdout);
  });

  it('names no folder of this machine', () => {
    const { stdout } = onStdout();
    expect(stdout).not.toContain(fixturePath('').replace(/\/$/, ''));
  });

  it('carries the plotting library and its licence', () => {
    const { stdout } = onStdout();
    expect(stdout).toContain('var uPlot=');
    expect(stdout).toMatch(/MIT License[\s\S]*Leon Sorokin[\s\S]*THE SOFTWARE IS PROVIDED/);
    expect(stdout.match(/<script/g)).toHaveLength(2);
  });

  it('goes through a link, which stays one', () => {
    writeFileSync(join(folder, 'page.html'), 'the page before');
    symlinkSync('page.html', join(folder, 'latest.html'));
    expect(report(guest, '--out', 'latest.html').status).toBe(0);
    expect(lstatSync(join(folder, 'latest.html')).isSymbolicLink()).toBe(true);
    expect(read('page.html')).toContain('<!DOCTYPE html>');
  });

  it('can go to what is no file', () => {
    expect(report(guest, '--out', '/dev/null')).toEqual({
      status: 0,
      signal: null,
      stdout: 'The report is in /dev/null.\n',
      stderr: '',
    });
    expect(existsSync('/dev/null')).toBe(true);
    expect(readFileSync('/dev/null', 'utf8')).toBe('');
  });
});

describe('--json', () => {
  it('prints the figures and makes no page', () => {
    const { stdout, ...ending } = report(guest, '--json');
    expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
    expect(readdirSync(folder)).toEqual([]);
    const { records } = JSON.parse(stdout) as {
      records: {
        reading: { sentences: string[] };
        figures: { groups: { cells: { on: { throughput: unknown } }[] }[] };
      }[];
    };
    expect(records).toHaveLength(1);
    expect(records[0]?.reading.sentences.length).toBeGreaterThan(2);
    const cells = readFixture(GUEST)['cells'] as {
      slices: string;
      figures: { throughput: object };
    }[];
    expect(records[0]?.figures.groups[0]?.cells[0]?.on.throughput).toMatchObject(
      cells.find(({ slices }) => slices === 'on')?.figures.throughput ?? {},
    );
  });

  it('makes a page as well where it is told to', () => {
    const { stdout, status } = report(guest, '--json', '--out', 'a.html');
    expect(status).toBe(0);
    expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    expect(read('a.html')).toContain('<!DOCTYPE html>');
  });
});

describe('bad input writes nothing', () => {
  const bad = (...args: readonly string[]) => {
    writeFileSync(join(folder, 'rseq-slice-report.html'), 'earlier');
    const { stdout, ...ending } = report(...args);
    expect(stdout).toBe('');
    expect(read('rseq-slice-report.html')).toBe('earlier');
    return ending;
  };

  it('a file that is not there', () => {
    expect(bad(guest, 'none.json')).toEqual({
      status: 1,
      signal: null,
      stderr: expect.stringMatching(
        /^rseq-slice report: none\.json cannot be read: ENOENT/,
      ) as string,
    });
  });

  it('a file that is no record, after one that is', () => {
    writeFileSync(join(folder, 'other.json'), '{"name": "rseq-slice"}');
    expect(bad(guest, 'other.json')).toEqual({
      status: 1,
      signal: null,
      stderr: expect.stringMatching(/other\.json is no record/) as string,
    });
  });

  it('a folder', () => {
    expect(bad('.')).toMatchObject({ status: 1, signal: null });
  });

  it('a page that cannot be written', () => {
    expect(bad(guest, '--out', 'none/a.html')).toEqual({
      status: 1,
      signal: null,
      stderr: expect.stringMatching(/none\/a\.html cannot be written: ENOENT/) as string,
    });
    expect(bad(guest, '--out', '.')).toEqual({
      status: 1,
      signal: null,
      stderr: expect.stringMatching(
        /^rseq-slice report: \. cannot be written: EISDIR.*\.\n$/,
      ) as string,
    });
    expect(readdirSync(folder)).toEqual(['rseq-slice-report.html']);
  });
});

it('explains itself, exit codes and examples included', () => {
  const { stdout, ...ending } = report('--help');
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  for (const word of [
    '--out',
    '--json',
    'Exit codes',
    '2 usage error',
    'rseq-slice report locks.json',
  ])
    expect(stdout).toContain(word);
});
