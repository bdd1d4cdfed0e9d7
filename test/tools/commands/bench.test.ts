// SPDX-License-Identifier: MIT
/**
 * The command `bench`: that its records are what the schema says, and that tables
 * and records go where they should. What it refuses is in usage.test.ts, and the
 * record of a machine in bench.long.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocksRecord } from '../../../packages/tools/lib/bench/locks/run.ts';
import type { SectionsRecord } from '../../../packages/tools/lib/bench/sections/record.ts';
import { probe } from '../../../lib/index.ts';
import { version } from '../../../lib/version.ts';
import { bench, broken, program, SHORT_LOCKS, SHORT_SECTIONS } from '../../support/bench.ts';
import { complaintsAbout } from '../../support/schema.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a record of sections', () => {
  let run: ReturnType<typeof bench>;
  let record: SectionsRecord;
  beforeAll(() => {
    run = bench(['sections', ...SHORT_SECTIONS, '--json'], {
      NO_COLOR: '1',
      TERM: 'xterm-256color',
    });
    expect({ status: run.status, signal: run.signal }, run.stderr).toEqual({
      status: 0,
      signal: null,
    });
    record = JSON.parse(run.stdout) as SectionsRecord;
  });

  it('is on stdout, and tables on stderr', () => {
    // Progress is for terminals.
    expect(run.stderr).not.toMatch(/^sections: /m);
    expect(run.stderr).toMatch(/^ns per operation +median/m);
    expect(run.stderr).toMatch(/^js +\d+\.\d\d /m);
  });

  it('says nothing of what this project aims at, and how sure its intervals are', () => {
    expect(run.stderr).not.toMatch(/target|missed/);
    expect(record.comparisons.every(({ aim, met }) => aim === undefined && met === undefined)).toBe(
      true,
    );
    expect(run.stderr).toMatch(/median +96\.5 % interval/);
    expect(record.results['js']?.coverage).toBeCloseTo(0.9648, 4);
  });

  it('is in no colour where NO_COLOR is set', () => {
    expect(run.stderr).not.toContain('\x1b');
  });

  it('is as the schema says', () => {
    expect(complaintsAbout(record)).toEqual([]);
    expect(record).toMatchObject({
      schema: 3,
      benchmark: 'sections',
      version,
      node: process.version,
      rounds: 15,
      batch: 200_000,
    });
    expect(record.command).toBe(`rseq-slice bench sections ${SHORT_SECTIONS.join(' ')}`);
    for (const [name, { samples, median }] of Object.entries(record.results)) {
      expect(samples, name).toHaveLength(15);
      expect([...samples].sort((a, b) => a - b)[7], name).toBe(median);
    }
    expect(Object.keys(record.results)).toEqual(
      expect.arrayContaining(['empty', 'js', 'critical', 'lone', 'simulated']),
    );
  });

  it.each([
    [['benchmark'], 'paragraphs'],
    [['schema'], 4],
    [['version'], undefined],
    [['kernel'], 6.18],
    [['results', 'js', 'median'], null],
    [['results', 'js', 'interval'], [1]],
    [['results', 'js', 'samples'], ['1']],
    [['comparisons', '0', 'unit'], 2],
    [['guest'], 'yes'],
    [['results', 'js', 'coverage'], 1],
    [['thread', 'host'], 'windows'],
  ])('is refused with another %s', (path, value) => {
    expect(complaintsAbout(broken(record, path, value))).not.toEqual([]);
  });
});

describe('a record of locks', () => {
  const file = join(folder, 'locks.json');
  let run: ReturnType<typeof bench>;
  let record: LocksRecord;
  beforeAll(() => {
    run = bench(['locks', ...SHORT_LOCKS, '--rounds', '2', '--json', file], {
      NO_COLOR: '',
      TERM: 'xterm-256color',
    });
    expect({ status: run.status, signal: run.signal }, run.stdout + run.stderr).toEqual({
      status: 0,
      signal: null,
    });
    record = JSON.parse(readFileSync(file, 'utf8')) as LocksRecord;
  });

  it('is in the file, without its path, and the table on stdout', () => {
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(/^mutex +2 +off +[\d,.]+ /m);
    expect(JSON.stringify(record)).not.toContain(folder);
  });

  it('is in no colour where there is no terminal', () => {
    expect(run.stdout + run.stderr).not.toContain('\x1b');
  });

  it('is as the schema says', () => {
    expect(complaintsAbout(record)).toEqual([]);
    expect(record).toMatchObject({
      schema: 3,
      benchmark: 'locks',
      version,
      complete: true,
      pairs: [],
    });
    expect(record.runs).toHaveLength(2);
    expect(record).toMatchObject({ counts: [], countedRuns: [] });
  });

  it('has the tail of its waits', () => {
    for (const { measured } of record.runs) {
      const { samples, percentiles = [], max } = measured?.waits ?? { samples: 0, max: null };
      expect(samples).toBeGreaterThan(0);
      expect(percentiles.length).toBeLessThanOrEqual(25);
      expect(percentiles.at(-1)).toEqual([100, max]);
      const waits = percentiles.map(([, wait]) => wait);
      expect(waits).toEqual([...waits].sort((a, b) => a - b));
    }
  });

  it.each([
    [['benchmark'], 'sections'],
    [['runs', '0', 'slices'], true],
    [['runs', '0', 'measured', 'waits', 'p99'], 'long'],
    [
      ['runs', '0', 'measured', 'waits', 'percentiles', '0'],
      [101, 5],
    ],
    [['runs', '0', 'measured', 'workers'], []],
    [['runs', '0', 'error'], undefined],
    [['cells', '0', 'workers'], 0.5],
    [
      ['cells', '0', 'figures', 'throughput', 'interval'],
      [1, 2, 3],
    ],
    [['options', 'locks'], 'mutex'],
    [['complete'], undefined],
  ])('is refused with another %s', (path, value) => {
    expect(complaintsAbout(broken(record, path, value))).not.toEqual([]);
  });
});

describe('a record of locks that were counted', () => {
  const file = join(folder, 'counted.json');
  const alone = SHORT_LOCKS.map((word, at) =>
    SHORT_LOCKS[at - 1] === '--workers'
      ? '1'
      : SHORT_LOCKS[at - 1] === '--lock'
        ? 'mutex,spin'
        : word,
  );
  let record: LocksRecord;
  beforeAll(() => {
    const { status, stdout, stderr } = bench([
      ...['locks', ...alone, '--rounds', '2', '--count', '1', '--json', file],
    ]);
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^lock .*contended/m);
    record = JSON.parse(readFileSync(file, 'utf8')) as LocksRecord;
  });

  it('has two operations a section of a lock nobody else wants, and nothing else', () => {
    expect(record.counts.map(({ kind, rounds }) => [kind, rounds])).toEqual([
      ['mutex', 1],
      ['spin', 1],
    ]);
    for (const { measured } of record.countedRuns) {
      const { sections = 0, ...counts } = measured?.sections ?? {};
      expect(sections).toBeGreaterThan(0);
      expect(counts).toEqual({
        ...{ contended: 0, operations: 2 * sections, fewest: 2 * sections },
        ...{ systemCalls: 0, parks: 0, wakes: 0, emptyWakes: 0, vainParks: 0 },
      });
    }
  });

  it('is as the schema says, with the counted runs apart from the timed', () => {
    expect(complaintsAbout(record)).toEqual([]);
    expect(record.runs.map(({ measured }) => measured?.sections)).toEqual(
      record.runs.map(() => undefined),
    );
  });

  it.each([
    [['options', 'count'], 0.5],
    [['counts', '0', 'figures', 'parks'], 'few'],
    [['countedRuns', '0', 'measured', 'sections', 'parks'], undefined],
  ])('is refused with another %s', (path, value) => {
    expect(complaintsAbout(broken(record, path, value))).not.toEqual([]);
  });
});

describe('the record of a machine', () => {
  it.each([
    [['--workers', '2'], /--workers is no option of bench machine/],
    [['--batch', '2'], /--batch is no option of bench machine/],
    [['--budget', '0'], /--budget wants seconds up to 3600/],
  ])('is the same everywhere: %j', (args, complaint) => {
    const { status, stderr } = bench(['machine', ...args]);
    expect(status).toBe(2);
    expect(stderr).toMatch(complaint);
  });

  it('alone has a budget', () => {
    expect(bench(['locks', '--budget', '3']).stderr).toMatch(/option of bench machine only/);
  });
});

it('measures both without a name, and writes both', () => {
  const { status, stdout, stderr } = bench([
    ...SHORT_LOCKS,
    '--batch',
    '0.2',
    '--rounds',
    '1',
    '--json',
  ]);
  expect(status, stderr).toBe(0);
  const records = JSON.parse(stdout) as readonly (SectionsRecord | LocksRecord)[];
  expect(complaintsAbout(records)).toEqual([]);
  expect(records.map(({ benchmark }) => benchmark)).toEqual(['sections', 'locks']);
  // The length was chosen, so nothing is said of longer ones.
  expect(stderr).not.toMatch(/take longer/);
});

it('keeps a record that cannot be written where it should be, and says where', (context) => {
  if (!existsSync('/dev/full')) context.skip('there is no /dev/full');
  const { status, stderr } = bench(
    ['locks', ...SHORT_LOCKS, '--rounds', '1', '--json', '/dev/full'],
    { TMPDIR: folder },
  );
  expect(status).toBe(1);
  const [, file = ''] =
    /could not be written to \/dev\/full: ENOSPC.* It is in (\S+) instead\./.exec(stderr) ?? [];
  expect(complaintsAbout(JSON.parse(readFileSync(file, 'utf8')))).toEqual([]);
});

it('says why there are no slices, and what to do', () => {
  const { available, explanation, remedy } = probe().slices;
  const { status, stdout, stderr } = bench([
    'locks',
    '--slices',
    'on',
    ...SHORT_LOCKS.filter((word) => word !== '--slices' && word !== 'off'),
    '--rounds',
    '1',
  ]);
  if (available) {
    expect(status).toBe(0);
    expect(stdout).toMatch(/^mutex +2 +on /m);
  } else {
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('there is nothing to measure');
    expect(stderr).toContain(`${explanation} ${remedy}`);
  }
});

it('tells in its help how it ends', () => {
  const { status, stdout } = bench(['--help']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/Exit codes: 0 [^]*1 [^]*2 [^]*130 /);
  for (const option of [
    '--rounds',
    '--batch',
    '--workers',
    '--section',
    '--gap',
    '--lock',
    '--slices',
    '--workload',
    '--seconds',
    '--warm',
    '--sample',
    '--count',
    '--budget',
    '--json',
  ]) {
    expect(stdout).toContain(option);
  }
});

it('has the rounds that were done when it is interrupted', async () => {
  const args = [
    'bench',
    'locks',
    '--workers',
    '1',
    '--lock',
    'mutex',
    '--slices',
    'off',
    '--seconds',
    '0.1',
    '--warm',
    '0',
    '--rounds',
    '500',
    '--json',
  ];
  const child = spawn(process.execPath, [program, ...args, join(folder, 'rounds.json')], {
    stdio: 'ignore',
  });
  // It is tried for a moment before anything is measured, and has something in it after a round.
  const size = () => statSync(join(folder, 'rounds.json'), { throwIfNoEntry: false })?.size ?? 0;
  await expect.poll(size, { timeout: 30_000 }).toBeGreaterThan(0);
  child.kill('SIGINT');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect({ code, signal }).toEqual({ code: 130, signal: null });
  const record = JSON.parse(readFileSync(join(folder, 'rounds.json'), 'utf8')) as LocksRecord;
  expect(record.complete).toBe(false);
  expect(complaintsAbout(record)).toEqual([]);
});

it('ends with 130 and no complaint where a terminal interrupts all processes of its group', async () => {
  const child = spawn(process.execPath, [program, 'bench', 'sections', '--rounds', '9000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const group = child.pid ?? NaN;
  // Its two loops in processes of their own are outside of it, or Ctrl-C would end them first.
  await expect
    .poll(() => running(join(root, 'packages/tools/dist/bench/sections/'), child.pid), {
      timeout: 10_000,
    })
    .toBeGreaterThanOrEqual(2);
  expect(inGroup(group)).toBe(1);
  process.kill(-group, 'SIGINT');
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, said }).toEqual({ code: 130, said: '' });
});

/** How many processes are of a group. */
function inGroup(group: number): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        // Behind the name, which is in parentheses: state, parent, group. Source: proc(5).
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2]);
      } catch {
        return NaN;
      }
    });
  return all.filter((each) => each === group).length;
}

/** How many processes have this in their command line. @param parent only those that it started */
function running(words: string, parent?: number): number {
  const lines = readdirSync('/proc').map((name) => {
    try {
      const [, , , ppid] = readFileSync(`/proc/${name}/stat`, 'utf8').split(' ');
      if (parent !== undefined && Number(ppid) !== parent) return '';
      return readFileSync(`/proc/${name}/cmdline`, 'utf8');
    } catch {
      // No process, or one that has just ended.
      return '';
    }
  });
  return lines.filter((line) => line.includes(words)).length;
}

it('ends with 130 when it is interrupted, and leaves nothing running', async () => {
  // One in so many: nobody else measures like that.
  const sample = 700_000 + (process.pid % 100_000);
  const job = `"sample":${sample}`;
  const args = [
    '--workers',
    '2',
    '--lock',
    'mutex',
    '--slices',
    'off',
    '--seconds',
    '20',
    '--sample',
    String(sample),
  ];
  const child = spawn(process.execPath, [program, 'bench', 'locks', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await expect.poll(() => running(job), { timeout: 10_000 }).toBe(1);
  child.kill('SIGINT');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect({ code, signal }).toEqual({ code: 130, signal: null });
  await expect.poll(() => running(job), { timeout: 5000 }).toBe(0);
});
