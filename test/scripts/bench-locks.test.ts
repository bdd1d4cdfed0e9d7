/**
 * The benchmark of locks: what its command line refuses, that a short run adds
 * up, what is compared with what, and that the workloads notice when their data
 * was damaged.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { aggregate, figuresOf, jainIndex } from '../../scripts/bench/locks/aggregate.mjs';
import type { Run } from '../../scripts/bench/locks/aggregate.mjs';
import type { Measured } from '../../scripts/bench/locks/cell.mjs';
import { describeClock } from '../../scripts/bench/locks/clock.mjs';
import { LruCache, lruWorkload } from '../../scripts/bench/locks/lru.mjs';
import { readOptions, withoutPaths } from '../../scripts/bench/locks/options.mjs';
import { OrderBook, ordersWorkload } from '../../scripts/bench/locks/orders.mjs';
import { planRound } from '../../scripts/bench/locks/rounds.mjs';
import { textbookLock } from '../../scripts/bench/locks/textbook.mjs';
import { createWaits, recordWait, summarizeWaits } from '../../scripts/bench/locks/waits.mjs';
import { loopWorkload } from '../../scripts/bench/locks/work.mjs';
import type { Workload } from '../../scripts/bench/locks/work.mjs';

const program = fileURLToPath(new URL('../../scripts/bench/locks/main.mjs', import.meta.url));

function bench(...args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, signal, stdout, stderr };
}

describe('the command line', () => {
  it('has defaults', () => {
    expect(readOptions([])).toMatchObject({
      workers: [1, 2, 4, 8],
      sections: [0.2, 1, 5, 20],
      gaps: null,
      locks: ['mutex', 'spin'],
      slices: ['on', 'off'],
      workload: 'loop',
      rounds: 5,
      seconds: 1,
    });
    expect(readOptions(['--help'])).toBeNull();
    expect(readOptions(['--lock', 'all'])?.locks).toContain('pthread-spin');
  });

  it.each([
    ['--workers', '0', /whole numbers from 1 to 64/],
    ['--workers', '2,', /not ''/],
    ['--workers', '1.5', /whole/],
    ['--section', '0', /above 0/],
    ['--section', 'short', /numbers/],
    ['--gap', '-1', /argument|from 0/],
    ['--lock', 'mutex,padlock', /knows mutex.*not 'padlock'/],
    ['--slices', 'maybe', /knows on, off/],
    ['--workload', 'loop,lru', /one name/],
    ['--rounds', '0', /from 1/],
    ['--seconds', '0', /above 0/],
    ['--sample', '0', /from 1/],
    ['--nothing', 'x', /nothing/],
  ])('refuses %s %s', (name, value, complaint) => {
    expect(() => readOptions([name, value])).toThrow(complaint);
  });

  it('ends with 2 when it is wrong', () => {
    const { status, stdout, stderr } = bench('--rounds', 'many');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^bench locks: .*See --help\.\n$/);
  });

  it('leaves paths out of records', () => {
    expect(withoutPaths(['--json', 'a', '--lock', 'spin', '--packages=b', '--program', 'c', '--rounds', '1'])).toEqual(['--lock', 'spin', '--rounds', '1']);
  });
});

it('flips slices and rotates locks from round to round', () => {
  const options = readOptions(['--workers', '2', '--section', '1']);
  if (options === null) throw new Error('no options');
  const kinds = new Map([
    ['mutex', ['on', 'off'] as const],
    ['textbook', ['off'] as const],
  ]);
  const plan = (round: number) => planRound(options, kinds, round).map(({ kind, slices }) => `${kind} ${slices}`);
  expect(plan(0)).toEqual(['mutex on', 'mutex off', 'textbook off']);
  expect(plan(1)).toEqual(['textbook off', 'mutex off', 'mutex on']);
});

it('does not read a clock in a section of which it knows nothing', () => {
  expect(describeClock(join(tmpdir(), 'there is no such file'))).toEqual({ source: null, inSection: false });
});

describe('waits', () => {
  it('are kept to three figures, those of all workers together', () => {
    const [one, other] = [createWaits(), createWaits()];
    for (let i = 0; i < 99; i++) recordWait(one, 1000);
    recordWait(other, 5_000_000);
    recordWait(other, 0);
    const { samples, p50, p99, max } = summarizeWaits([one, other]);
    expect(samples).toBe(101);
    for (const [found, put] of [[p50, 1000], [p99, 1000], [max, 5_000_000]] as const) {
      expect(found).toBeGreaterThanOrEqual(put);
      expect(found).toBeLessThanOrEqual(put * 1.001);
    }
  });

  it('may be none', () => {
    expect(summarizeWaits([])).toEqual({ samples: 0, p50: null, p99: null, p999: null, max: null });
  });
});

describe('the figures', () => {
  const measured = (sections: readonly number[], parked: number): Measured => ({
    seconds: 2,
    cpu: 3,
    workers: sections.map((count) => ({ sections: count, seconds: 2 })),
    waits: { samples: 9, p50: 100, p99: 200, p999: 300, max: 400 },
    lock: { parked, woken: parked },
    slices: null,
    switches: { voluntary: 4, involuntary: 6 },
    wrong: [],
  });
  const run = (round: number, slices: 'on' | 'off', sections: readonly number[], parked = 0): Run => ({
    ...{ kind: 'mutex', workers: 2, section: 1, gap: 1, error: null },
    ...{ round, slices, measured: measured(sections, parked) },
  });

  it('are per second, and tell how fair it was', () => {
    expect(figuresOf(measured([300, 100], 8))).toMatchObject({ throughput: 200, cpus: 1.5, parks: 4, voluntary: 2, involuntary: 3, leastToMost: 1 / 3, jain: 0.8 });
    expect(jainIndex([5, 5, 5])).toBe(1);
    expect(jainIndex([7, 0])).toBe(0.5);
  });

  it('are compared within a round', () => {
    // The machine is ten times as fast in the second round, which no ratio shows.
    const runs = [run(0, 'on', [20, 20]), run(0, 'off', [10, 10]), run(1, 'off', [100, 100], 3), run(1, 'on', [300, 300], 1)];
    const { cells, pairs } = aggregate(runs);
    expect(cells.map(({ slices, rounds }) => [slices, rounds])).toEqual([['on', 2], ['off', 2]]);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]?.ratios['throughput']).toMatchObject({ median: 2.5, interval: [2, 3] });
    // No parks to no parks is not counted.
    expect(pairs[0]?.ratios['parks']).toMatchObject({ median: 1 / 3 });
  });

  it('leave out what failed', () => {
    const bad = run(0, 'on', [1, 1]);
    const wrong = { ...bad, measured: bad.measured === null ? null : { ...bad.measured, wrong: ['torn'] } };
    const died = { ...run(1, 'on', [1, 1]), measured: null, error: 'it died' };
    const { cells, pairs } = aggregate([wrong, died, run(0, 'off', [1, 1]), run(1, 'off', [1, 1])]);
    expect(cells.map(({ slices }) => slices)).toEqual(['off']);
    expect(pairs).toEqual([]);
  });
});

/** A workload after two actors took turns, as a lock makes them. */
function used(workload: Workload) {
  const words = new Int32Array(workload.words);
  workload.prepare(words);
  const actors = [0, 1].map((index) => workload.open(words, index));
  for (let turn = 0; turn < 2000; turn++) actors[turn % 2]?.work(3);
  const totals: Record<string, number> = {};
  for (const actor of actors) for (const [name, value] of Object.entries(actor.counts())) totals[name] = (totals[name] ?? 0) + value;
  return { words, totals, check: () => workload.check(words, totals) };
}

describe.each([['loop', loopWorkload], ['orders', ordersWorkload], ['lru', lruWorkload]])('the workload %s', (_, workload) => {
  it('is right when nobody was in it at the same time', () => {
    const { check, totals } = used(workload);
    expect(check()).toEqual([]);
    for (const [name, total] of Object.entries(totals)) if (name !== 'torn') expect(total, name).toBeGreaterThan(100);
  });

  it('notices a lost update', () => {
    const { words, totals } = used(workload);
    const [name = ''] = Object.keys(totals);
    expect(workload.check(words, { ...totals, [name]: (totals[name] ?? 0) + 1 })).not.toEqual([]);
  });

  it('notices any damage to what is in use', () => {
    const { words, check } = used(workload);
    let noticed = 0;
    for (let index = 0; index < words.length; index++) {
      const value = words[index] ?? 0;
      words[index] = value ^ 1;
      if (check().length > 0) noticed++;
      words[index] = value;
    }
    expect(check()).toEqual([]);
    // Padding, free orders and spare words may be anything.
    expect(noticed / words.length).toBeGreaterThan(workload === loopWorkload ? 0.99 : 0.15);
  });
});

describe('the order book', () => {
  it('trades at the best price first, and in the order of arrival', () => {
    const words = new Int32Array(OrderBook.words);
    OrderBook.prepare(words);
    const book = new OrderBook(words);
    book.enter(1, 130, 5);
    book.enter(1, 129, 5);
    book.enter(1, 129, 5);
    book.enter(0, 129, 12);
    expect([book.traded, book.entered]).toEqual([10, 27]);
    expect(book.check({ entered: 27, traded: 10, cancelled: 0 })).toEqual([]);
    book.cancel(0);
    expect(book.check({ entered: 27, traded: 10, cancelled: 5 })).toEqual([]);
  });

  it('must not be crossed', () => {
    const words = new Int32Array(OrderBook.words);
    OrderBook.prepare(words);
    const book = new OrderBook(words);
    book.rest(0, 130, 5);
    book.rest(1, 120, 5);
    expect(book.check({}).join()).toMatch(/crossed: 130 is bid and 120 asked/);
  });
});

it('the cache drops what was used longest ago', () => {
  const words = new Int32Array(LruCache.words);
  LruCache.prepare(words);
  const cache = new LruCache(words);
  for (let key = 0; key < 256; key++) cache.get(key);
  cache.get(0);
  cache.get(300);
  cache.get(0);
  cache.get(1);
  expect([cache.hits, cache.misses]).toEqual([2, 258]);
  expect(cache.check({ hits: 2, misses: 258, torn: 0 })).toEqual([]);
});

it('the textbook lock wakes nobody when nobody waits', () => {
  const lock = textbookLock(new Int32Array(new SharedArrayBuffer(4)));
  for (let i = 0; i < 3; i++) lock.unlock(lock.lock());
  expect(lock.stats?.()).toEqual({ parked: 0, woken: 0 });
});

describe('a run', () => {
  interface Output {
    readonly complete: boolean;
    readonly command: string;
    readonly unitsPerMicrosecond: { readonly loop: number };
    readonly cells: readonly { readonly kind: string; readonly figures: Readonly<Record<string, { readonly median: number } | null>> }[];
    readonly runs: readonly Run[];
  }

  it.each(['loop', 'orders', 'lru'])('of %s gives a table and a record that agree', (workload) => {
    const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-test-'));
    const file = join(folder, 'record.json');
    try {
      const { status, signal, stdout } = bench(
        ...['--lock', 'textbook,bare-cas', '--slices', 'off', '--workload', workload, '--workers', '2', '--section', '1'],
        ...['--rounds', '1', '--seconds', '0.2', '--warm', '0.05', '--sample', '2', '--json', file],
      );
      expect({ status, signal }, stdout).toEqual({ status: 0, signal: null });
      const text = readFileSync(file, 'utf8');
      expect(text).not.toContain(folder);
      const output = JSON.parse(text) as Output;
      expect(output.complete).toBe(true);
      expect(output.command).toContain(`--workload ${workload}`);
      expect(output.unitsPerMicrosecond.loop).toBeGreaterThan(0);
      expect(output.runs.map(({ kind }) => kind)).toEqual(['textbook', 'bare-cas']);
      let done = 0;
      for (const { measured, error } of output.runs) {
        expect(error).toBeNull();
        expect(measured?.wrong).toEqual([]);
        expect(measured?.workers).toHaveLength(2);
        const sections = measured?.workers.reduce((sum, worker) => sum + worker.sections, 0) ?? 0;
        done += sections;
        expect(measured?.waits.samples).toBeGreaterThanOrEqual(Math.floor(sections / 2));
        const cell = output.cells.find(({ kind }) => kind === output.runs.find((run) => run.measured === measured)?.kind);
        expect(cell?.figures['throughput']?.median).toBeCloseTo(sections / (measured?.seconds ?? NaN), 5);
      }
      // Of both: on a busy machine nobody may get a CPU in one of them.
      expect(done).toBeGreaterThan(0);
      expect(stdout).toMatch(/lock .* sections\/s .* wait us p50/);
      expect(stdout).toMatch(/^textbook +2 +1 +1 +off/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('says what it skipped, and fails when nothing is left', () => {
    const { status, stderr } = bench('--lock', 'textbook', '--slices', 'on', '--rounds', '1');
    expect(status).toBe(1);
    expect(stderr).toMatch(/nothing to measure/);
    expect(stderr).toMatch(/textbook was skipped: it has no slices/);
  });
});
