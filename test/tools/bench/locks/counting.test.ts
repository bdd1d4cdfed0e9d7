// SPDX-License-Identifier: MIT
/**
 * What is counted of a lock, and what is not: over functions that stand in for the engine's and the
 * addon's, and in a run of the benchmark.
 */
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  countAtomics,
  countBinding,
  SectionCounter,
  sumCounts,
  Tally,
} from '../../../../packages/tools/lib/bench/locks/counting.ts';
import type {
  CountedAtomics,
  SectionCounts,
} from '../../../../packages/tools/lib/bench/locks/counting.ts';
import {
  countFigures,
  summarizeCounts,
} from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import type { Run } from '../../../../packages/tools/lib/bench/locks/aggregate.ts';
import type { AsyncLock, SyncLock } from '../../../../packages/tools/lib/bench/locks/opened.ts';

const { EAGAIN, EINTR, ETIMEDOUT } = constants.errno;
const words = new Int32Array(new SharedArrayBuffer(8));

/** The engine's own, with answers of ours where a thread would sleep. */
function atomicsThat(answers: Partial<Pick<CountedAtomics, 'wait' | 'waitAsync' | 'notify'>> = {}) {
  const { add, and, compareExchange, exchange, load, or, store, sub, xor } = Atomics;
  return {
    ...{ add, and, compareExchange, exchange, load, or, store, sub, xor },
    ...{ wait: () => 'ok', notify: () => 0 },
    ...answers,
  } as CountedAtomics;
}

function bindingThat(wait: number, wake: number): Parameters<typeof countBinding>[0] {
  return { futexWait: () => wait, futexWake: () => wake, yieldSlice: () => 1 };
}

function open(): Tally {
  const tally = new Tally();
  tally.begin();
  return tally;
}

describe('operations', () => {
  it('are counted while it is open, and do what they did', () => {
    const tally = open();
    const atomics = atomicsThat();
    countAtomics(atomics, tally);
    expect(atomics.store(words, 0, 5)).toBe(5);
    expect(atomics.compareExchange(words, 0, 5, 6)).toBe(5);
    expect(atomics.add(words, 0, 2)).toBe(6);
    expect(atomics.load(words, 0)).toBe(8);
    expect(tally.operations).toBe(4);
    tally.isOpen = false;
    expect(atomics.exchange(words, 0, 0)).toBe(8);
    expect(tally.operations).toBe(4);
  });

  it('are those on memory that is shared', () => {
    const tally = open();
    const atomics = atomicsThat();
    countAtomics(atomics, tally);
    atomics.and(new Int32Array(2) as never, 0, 1);
    expect(tally.operations).toBe(0);
  });
});

describe('sleeps', () => {
  it.each([
    ['ok', { systemCalls: 2, parks: 2, vainParks: 1 }],
    ['timed-out', { systemCalls: 2, parks: 2, vainParks: 0 }],
    ['not-equal', { systemCalls: 0, parks: 0, vainParks: 0 }],
  ] as const)('of the engine that end with %s', (result, counts) => {
    const tally = open();
    const atomics = atomicsThat({ wait: () => result });
    countAtomics(atomics, tally);
    for (let i = 0; i < 2; i++) expect(atomics.wait(words, 0, 0)).toBe(result);
    expect(tally).toMatchObject(counts);
  });

  it.each([
    [0, { systemCalls: 2, parks: 2, vainParks: 1 }],
    [EINTR, { systemCalls: 2, parks: 2, vainParks: 1 }],
    [ETIMEDOUT, { systemCalls: 2, parks: 2, vainParks: 0 }],
    [EAGAIN, { systemCalls: 2, parks: 0, vainParks: 0 }],
  ])('of the addon that end with %i', (error, counts) => {
    const tally = open();
    const binding = bindingThat(error, 0);
    countBinding(binding, tally);
    for (let i = 0; i < 2; i++) expect(binding.futexWait(words, 0, 0, 1)).toBe(error);
    expect(tally).toMatchObject(counts);
  });

  it('of an event loop are no system calls', async () => {
    const tally = open();
    const atomics = atomicsThat({
      waitAsync: () => ({ async: true, value: Promise.resolve('ok') }),
    });
    countAtomics(atomics, tally);
    for (let i = 0; i < 2; i++) await atomics.waitAsync?.(words, 0, 0).value;
    expect(tally).toMatchObject({ systemCalls: 0, parks: 2, vainParks: 1 });
  });

  it('are not in vain in the next section', () => {
    const tally = open();
    const atomics = atomicsThat();
    countAtomics(atomics, tally);
    atomics.wait(words, 0, 0);
    tally.begin();
    atomics.wait(words, 0, 0);
    expect(tally).toMatchObject({ parks: 2, vainParks: 0 });
  });
});

describe('wakes', () => {
  it.each([
    [3, { systemCalls: 3, wakes: 1, emptyWakes: 0 }],
    [0, { systemCalls: 0, wakes: 0, emptyWakes: 1 }],
  ])('of the engine that find %i', (woken, counts) => {
    const tally = open();
    const atomics = atomicsThat({ notify: () => woken });
    countAtomics(atomics, tally);
    expect(atomics.notify(words, 0, 9)).toBe(woken);
    expect(tally).toMatchObject(counts);
  });

  it.each([
    [1, { systemCalls: 1, wakes: 1, emptyWakes: 0 }],
    [0, { systemCalls: 1, wakes: 0, emptyWakes: 1 }],
  ])('of the addon that find %i', (woken, counts) => {
    const tally = open();
    const binding = bindingThat(0, woken);
    countBinding(binding, tally);
    expect(binding.futexWake(words, 0, 1)).toBe(woken);
    expect(tally).toMatchObject(counts);
  });

  it('and yields are system calls', () => {
    const tally = open();
    const binding = bindingThat(0, 0);
    countBinding(binding, tally);
    expect(binding.yieldSlice()).toBe(1);
    expect(tally.systemCalls).toBe(1);
  });
});

describe('sections', () => {
  /** A lock that makes so many operations to be taken, and one to be released. */
  function lockOf(tally: Tally) {
    const state = { tries: 2 };
    const atomics = atomicsThat();
    countAtomics(atomics, tally);
    const lock = () => {
      for (let i = 0; i < state.tries; i++) atomics.load(words, 0);
    };
    const unlock = () => void atomics.store(words, 0, 0);
    const sync: SyncLock = { lock, unlock };
    const async: AsyncLock = {
      run(section) {
        lock();
        section();
        unlock();
        return Promise.resolve();
      },
    };
    // What the work does is none of the lock.
    return { state, sync, async, work: () => void atomics.load(words, 1) };
  }

  it.each(['sync', 'async'] as const)(
    'are contended that take more than the fewest: %s',
    async (how) => {
      const tally = new Tally();
      const counter = new SectionCounter(tally);
      const made = lockOf(tally);
      const counted = counter.around(made[how]);
      const pass = async (tries: number) => {
        made.state.tries = tries;
        if ('run' in counted) await counted.run(made.work);
        else if ('lock' in counted) {
          const token = counted.lock();
          made.work();
          counted.unlock(token);
        }
      };
      await pass(4);
      await pass(2);
      counter.start();
      for (const tries of [2, 2, 7, 2]) await pass(tries);
      expect(counter.counts()).toMatchObject({
        sections: 4,
        contended: 1,
        operations: 4 * 3 + 5,
        fewest: 4 * 3,
      });
    },
  );

  it('of each way to take a lock have their own fewest', () => {
    const tally = new Tally();
    const counter = new SectionCounter(tally);
    const [read, write] = [lockOf(tally), lockOf(tally)];
    write.state.tries = 5;
    const counted = counter.around({ read: read.sync, write: write.sync });
    if (!('read' in counted)) throw new TypeError('It is another lock.');
    const pass = () => {
      for (const way of [counted.read, counted.write]) way.unlock(way.lock());
    };
    pass();
    counter.start();
    pass();
    read.state.tries = 3;
    counted.read.unlock(counted.read.lock());
    expect(counter.counts()).toMatchObject({ sections: 3, contended: 1 });
  });

  it('of a queue are its puts and takes', () => {
    const tally = new Tally();
    const counter = new SectionCounter(tally);
    const { sync } = lockOf(tally);
    const through = () => {
      sync.unlock(sync.lock());
    };
    const queue = { put: () => (through(), true), take: () => (through(), through(), 1) };
    const counted = counter.around({ ...queue, close: through, rest: () => [] });
    if (!('put' in counted)) throw new TypeError('It is another lock.');
    const pass = () => [counted.put(1), counted.take()];
    expect(pass()).toEqual([true, 1]);
    counter.start();
    pass();
    counted.close();
    expect(counter.counts()).toMatchObject({
      ...{ sections: 2, contended: 0, operations: 9, fewest: 9 },
    });
  });

  it('of a lock without operations are not known to be contended', () => {
    const counter = new SectionCounter(new Tally());
    const lock = counter.around({ lock: () => null, unlock: () => undefined }) as SyncLock;
    lock.unlock(lock.lock());
    counter.start();
    lock.unlock(lock.lock());
    expect(counter.counts()).toMatchObject({ sections: 1, contended: null, operations: 0 });
  });
});

const COUNTS: SectionCounts = {
  ...{ sections: 10, contended: 4, operations: 32, fewest: 20, systemCalls: 6 },
  ...{ parks: 3, wakes: 2, emptyWakes: 1, vainParks: 1 },
};

it('sums workers, of which each must have counted', () => {
  expect(sumCounts([COUNTS, COUNTS])).toMatchObject({ sections: 20, contended: 8, vainParks: 2 });
  expect(sumCounts([COUNTS, { ...COUNTS, contended: null }])?.contended).toBeNull();
  expect(sumCounts([COUNTS, null])).toBeNull();
});

it('says what a section takes, and what contention adds to one that meets it', () => {
  expect(countFigures(COUNTS)).toEqual({
    ...{ contended: 0.4, parks: 0.3, parksPerContended: 0.75 },
    ...{ wakes: 0.2, wakesPerContended: 0.5, vain: 0.2, vainPerContended: 0.5 },
    ...{ systemCalls: 0.6, systemCallsPerContended: 1.5 },
    ...{ operations: 3.2, operationsPerContended: 3 },
  });
  expect(countFigures({ ...COUNTS, contended: 0 })['parksPerContended']).toBeNull();
});

it('leaves out runs that failed, or have nothing counted', () => {
  const run = (sections: SectionCounts | null, wrong: readonly string[]): Run => ({
    ...{ kind: 'mutex', workers: 2, section: 1, gap: 1, round: 0, slices: 'off', error: null },
    measured: {
      ...{ seconds: 1, cpu: 1, workers: [], lock: null, slices: null, switches: null },
      waits: { samples: 0, p50: null, p99: null, p999: null, max: null },
      ...{ sections, wrong },
    },
  });
  const summaries = summarizeCounts([run(COUNTS, []), run(COUNTS, ['torn']), run(null, [])]);
  expect(summaries).toMatchObject([{ rounds: 1, figures: { parks: { median: 0.3 } } }]);
});
