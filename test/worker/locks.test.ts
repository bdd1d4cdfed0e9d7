// SPDX-License-Identifier: MIT
/**
 * Locks between real threads: that they exclude, that nobody hangs when a thread
 * dies holding or waiting, that nobody starves, and that the hot path costs no
 * memory and no system call. Each program runs in a process of its own, whose
 * exit code and signal count, with the addon and without. In `npm test` every lock
 * is tried one way, in turns, and what is the same for all with one of them.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NR_SLICE_YIELD, NR_SLICE_YIELD_RFC } from '../../lib/abi/kernel.ts';
import { copyLibrary, hasAddon, programs, run, runProgram } from '../support/program.ts';
import { isLong, share } from '../support/share.ts';
import { callsBetweenMarkers, whyNoStrace } from '../support/strace.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-locks-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** For a program, ms. The slowest takes two seconds on an idle machine. */
const PATIENCE = 50_000;

const WAYS = [
  { way: 0, how: 'with the addon', flags: [] },
  { way: 1, how: 'without an addon', flags: ['--no-addons'] },
] as const;
const EXCLUSIVE = ['Mutex', 'SpinLock', 'RwLock, written', 'Semaphore'] as const;
const KINDS = [...EXCLUSIVE, 'Condition'] as const;
/** How a holder dies: see the program. */
const READER_ENDINGS = ['exit', 'throw', 'terminate', 'end'] as const;
const ENDINGS = [
  ...READER_ENDINGS,
  'exit, taken asynchronously',
  'terminate, asleep in another lock',
] as const;

describe.each(WAYS)('$how', ({ way, how, flags }) => {
  /** Each way has another row, and in the other suite all others. */
  const inTurns = <Row>(rows: readonly Row[]): readonly Row[] =>
    share(rows, { every: Math.max(WAYS.length, rows.length), first: way });
  /** One row one of the ways, and in the other suite all others. */
  const once = <Row>(
    rows: readonly Row[],
    { way: chosen, first = 0 }: { readonly way: number; readonly first?: number },
  ): readonly Row[] => {
    if (way === chosen) return share(rows, { every: rows.length, first });
    return isLong ? rows : [];
  };
  /**
   * Each kind one way, with an ending of its own that no reader has here, and in the other suite
   * with all others.
   */
  const deaths = EXCLUSIVE.map((kind, index) => {
    return [kind, once(ENDINGS, { way: index % WAYS.length, first: index + 2 })] as const;
  }).filter(([, endings]) => endings.length > 0);
  const print = (program: string, ...rest: readonly string[]): string =>
    run([process.execPath, ...flags, join(programs, program), ...rest], PATIENCE);
  const json = (program: string, ...rest: readonly string[]): unknown =>
    runProgram(program, rest, flags);

  it('is what it says', (context) => {
    const source = `import(${JSON.stringify(new URL('../../dist/host/linux/binding.js', import.meta.url).href)}).then(({ loadAddon }) => console.log(loadAddon().state))`;
    const state = run([process.execPath, ...flags, '-e', source]).trim();
    if (how === 'without an addon') expect(state).not.toBe('loaded');
    else if (!hasAddon) context.skip('the addon is not built');
    else expect(state).toBe('loaded');
  });

  it.each(inTurns(EXCLUSIVE))('threads exclude each other: %s', (kind) => {
    const workers = 3;
    const report = json('lock-exclusion.mjs', kind, String(workers), '2000');
    expect(report).toEqual({ exitCodes: [0, 0, 0], missing: 0, wrong: 0, isFree: true });
  });

  it.each(
    inTurns([
      [
        'readers read beside each other, and never beside a writer',
        'readers',
        { written: 3000, same: true, wrong: 0 },
      ],
      [
        'a semaphore lets in as many as it has permits',
        'permits',
        { rounds: 12_000, wrong: 0, available: 2 },
      ],
      [
        'producers and consumers wait for each other',
        'queue',
        { left: 0, produced: 3000, consumed: 3000, wrong: 0 },
      ],
    ]),
  )('%s', (_, part, report) => {
    expect(json('lock-sharing.mjs', part)).toEqual({ exitCodes: [0, 0, 0, 0], ...report });
  });

  it.each(deaths)('a holder that dies is told of once, and nobody hangs: %s', (kind, endings) => {
    const results = json('lock-death.mjs', kind, ...endings) as readonly {
      ending: string;
      first: boolean;
      told: boolean[];
      waited: number;
    }[];
    expect(results.map(({ ending }) => ending)).toEqual(endings);
    console.log(
      `${kind}, ${how}: ${results.map(({ ending, waited }) => `${ending} ${waited.toFixed(0)} ms`).join(', ')}`,
    );
    for (const { ending, first, told, waited } of results) {
      // Sorted: one of three was told.
      expect({ ending, first, told }).toEqual({ ending, first: false, told: [false, false, true] });
      expect(waited, ending).toBeLessThan(2000);
    }
  });

  it('a reader that dies is in nobody’s way, and no news', () => {
    const endings = share(READER_ENDINGS, { every: READER_ENDINGS.length, first: way });
    const results = json('lock-death.mjs', 'RwLock, read', ...endings) as readonly {
      ending: string;
      isBlocked: boolean;
      abandoned: boolean;
      waited: number;
    }[];
    expect(results.map(({ ending }) => ending)).toEqual(endings);
    for (const { waited, ...rest } of results) {
      expect(rest).toEqual({ ending: rest.ending, isBlocked: true, abandoned: false });
      expect(waited, rest.ending).toBeLessThan(2000);
    }
  });

  it.each(once(KINDS, { way: 0 }))(
    'waiters are terminated at once, and do not stop the others: %s',
    (kind) => {
      const { terminated, results, took, isFree } = json('lock-waiters.mjs', kind) as {
        terminated: readonly number[];
        results: readonly boolean[];
        took: number;
        isFree: boolean;
      };
      console.log(
        `${kind}, ${how}: terminated in ${terminated.map((ms) => ms.toFixed(0)).join(', ')} ms; the others were served within ${took.toFixed(0)} ms`,
      );
      expect({ results, isFree }).toEqual({ results: [true, true, true], isFree: true });
      expect(terminated).toHaveLength(3);
      // 100 ms is what is aimed at, on a machine that has nothing else to do.
      for (const ms of terminated) expect(ms).toBeLessThan(1000);
      expect(took).toBeLessThan(5000);
    },
  );

  const threads = [
    ['Mutex', '2'],
    ['Mutex', '3'],
    ['SpinLock', '2'],
  ] as const;
  it.each(once(threads, { way: 0 }))(
    'nobody waits for more turns than the bound says: %s, %s threads',
    (kind, threads) => {
      const args = [kind, threads, '1500', isLong ? 'Infinity' : '100'];
      const { turns, barged, most, bound, waits, acquisitions, exitCodes } = json(
        'lock-fairness.mjs',
        ...args,
      ) as Record<'turns' | 'barged' | 'most' | 'bound' | 'waits' | 'acquisitions', number> & {
        exitCodes: number[];
      };
      console.log(
        `${kind}, ${threads} threads, ${how}: ${most} turns at most, bound ${bound}; ${turns} turns and ${waits} waits in ${acquisitions} acquisitions`,
      );
      expect(exitCodes.every((code) => code === 0)).toBe(true);
      expect(waits).toBeGreaterThan(0);
      expect(turns).toBeGreaterThan(0);
      expect(barged).toBe(0);
      expect(most).toBeLessThanOrEqual(bound);
    },
  );

  it.each(once(EXCLUSIVE, { way: 0 }))(
    'requests in an event loop get their turns beside threads that take the lock all the time: %s',
    (kind) => {
      const { exitCodes, others, parties } = json('lock-async-turns.mjs', kind, '5') as {
        exitCodes: readonly number[];
        others: readonly number[];
        parties: number;
      };
      console.log(`${kind}, ${how}: others had it ${others.join(', ')} times meanwhile`);
      expect(exitCodes).toEqual([0, 0]);
      expect(others).toHaveLength(15);
      // Each of the others once would be fair.
      expect(Math.max(...others)).toBeLessThanOrEqual(5 * (parties - 1));
    },
  );

  it.each(once(KINDS, { way: 1, first: KINDS.length - 1 }))(
    'a process stays alive while it waits, and no longer: %s',
    (kind) => {
      expect(print('lock-alive.mjs', kind, 'served')).toBe('got it\nexit 0\n');
      expect(print('lock-alive.mjs', kind, 'aborted')).toBe('no more\nexit 0\n');
    },
  );

  if (isLong === (way === 1))
    it('the main thread takes what is free, and does not block unless it was asked for', () => {
      const refused = 'ERR_RSEQ_WOULD_BLOCK';
      const codes = ['had', 'had', 'had', 'had', refused, refused, refused, 'ERR_RSEQ_TIMEOUT'];
      expect(json('lock-alive.mjs', 'main thread')).toEqual({ codes, code: 0 });
    });

  it.each(inTurns(['two copies']))(
    'handles travel in workerData and through a port, between %s of the library',
    () => {
      const copies = ['first', 'second'].map((name) => copyLibrary(folder, name));
      const posted = ['Mutex', 0, 'SpinLock', 64];
      const report = json('lock-handles.mjs', ...copies);
      expect(report).toEqual({
        different: true,
        exitCodes: [0, 0],
        messages: [posted, posted],
        counts: [40_000, 40_000],
        expected: 40_000,
      });
    },
  );
});

describe('the hot path', () => {
  interface Report {
    readonly optimized: boolean;
    readonly entered: number;
    readonly disturbed: number;
    readonly contended: number;
    readonly kept: boolean;
  }

  const LOOPS = ['Mutex', 'SpinLock'].flatMap((kind) =>
    ['enter', 'withLock'].map((body) => [kind, body] as const),
  );

  /** How often memory was collected between the markers. */
  function collections(kind: string, body: string): Report & { readonly count: number } {
    const out = run([
      process.execPath,
      '--trace-gc',
      join(programs, 'lock-hot.mjs'),
      'main',
      kind,
      body,
      '5000000',
    ]);
    const lines = out.split('\n');
    const between = lines.slice(lines.indexOf('marker-begin') + 1, lines.indexOf('marker-end'));
    const report = lines.find((line) => line.startsWith('{'));
    expect(lines).toContain('marker-begin');
    return {
      ...(JSON.parse(report ?? 'null') as Report),
      count: between.filter((line) => /Scavenge|Mark-Compact/.test(line)).length,
    };
  }

  it.each(share(LOOPS, { every: LOOPS.length }))(
    'allocates nothing in five million rounds: %s, %s',
    (kind, body) => {
      const { count, ...report } = collections(kind, body);
      expect(report).toMatchObject({
        optimized: true,
        entered: 5_000_000,
        contended: 0,
        kept: false,
      });
      // A round that allocates the least that can be would make four of them.
      expect(count).toBeLessThanOrEqual(1);
    },
  );

  if (isLong)
    it('would be seen if it did', () => {
      const { count, kept } = collections('Mutex', 'tokens');
      console.log(`five million tokens: ${count} collections`);
      expect(kept).toBe(true);
      expect(count).toBeGreaterThan(3);
    });

  /** What the thread that made both markers called between them. */
  function trace(
    where: string,
    kind: string,
    body: string,
  ): Report & { readonly calls: readonly string[] } {
    const file = join(mkdtempSync(join(folder, 'strace-')), 'trace');
    const out = run([
      'strace',
      '-f',
      '-e',
      'trace=all',
      '-o',
      file,
      process.execPath,
      join(programs, 'lock-hot.mjs'),
      where,
      kind,
      body,
      '1000000',
    ]);
    const calls = callsBetweenMarkers(readFileSync(file, 'utf8'));
    return {
      ...(JSON.parse(out.split('\n').find((line) => line.startsWith('{')) ?? 'null') as Report),
      calls,
    };
  }

  /** By its name where strace knows it, else by one of its numbers, as strace prints them. */
  const YIELDS = [NR_SLICE_YIELD, NR_SLICE_YIELD_RFC].flatMap((number) => [
    number.toString(),
    `0x${number.toString(16)}`,
  ]);
  const isYield = (call: string) =>
    call === 'rseq_slice_yield' || YIELDS.some((number) => call === `syscall_${number}`);

  const TRACED = [
    ['worker', 'Mutex', 'withLock'],
    ['main', 'Mutex', 'enter'],
    ['worker', 'SpinLock', 'enter'],
    ['main', 'SpinLock', 'withLock'],
  ] as const;

  const traced = share(TRACED, { every: TRACED.length });
  it.for(traced)(
    'makes no system call in a million rounds: %s thread, %s, %s',
    ([where, kind, body], context) => {
      const reason = whyNoStrace();
      if (reason !== undefined) context.skip(reason);
      const left = [...trace(where, kind, 'nothing').calls];
      const { calls, ...report } = trace(where, kind, body);
      expect(report).toMatchObject({ optimized: true, entered: 1_000_000, contended: 0 });
      // What Node does by itself is not held against it.
      const own = calls.filter((call) => {
        const index = left.indexOf(call);
        if (index >= 0) left.splice(index, 1);
        return index < 0;
      });
      expect(own.filter((call) => !isYield(call))).toEqual([]);
      expect(own.filter(isYield)).toHaveLength(report.disturbed);
    },
  );
});
