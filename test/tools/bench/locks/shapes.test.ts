// SPDX-License-Identifier: MIT
/**
 * The loops over locks that are shared, counted or waited for: that they do what their name says,
 * and notice a lock that does not. Threads are stood in for by locks that do what another thread
 * would; real ones are in the runs of `bench-locks.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { createQueueMemory, OWN_KINDS } from '../../../../packages/tools/lib/bench/locks/kinds.ts';
import type { OpenedLock } from '../../../../packages/tools/lib/bench/locks/opened.ts';
import { Phase } from '../../../../packages/tools/lib/bench/locks/phases.ts';
import { CAPACITY, createQueue, Ring } from '../../../../packages/tools/lib/bench/locks/queue.ts';
import type { Queue } from '../../../../packages/tools/lib/bench/locks/queue.ts';
import {
  checkTasks,
  openTask,
  progressBytes,
  shapeOf,
  sumProgress,
  wordsFor,
} from '../../../../packages/tools/lib/bench/locks/shapes.ts';
import type { Shape, TaskPlan } from '../../../../packages/tools/lib/bench/locks/shapes.ts';
import { createWaits } from '../../../../packages/tools/lib/bench/locks/waits.ts';

const FREE = { lock: () => null, unlock: () => undefined };
const wordsOf = (bytes: number) => new Int32Array(new SharedArrayBuffer(bytes));

function planOf(more: Partial<TaskPlan> = {}): TaskPlan {
  return {
    ...{ control: wordsOf(128), guarded: wordsOf(128), own: wordsOf(128), words: wordsOf(8) },
    actor: { work: () => undefined, counts: () => ({}) },
    ...{ units: 1, gapUnits: 1, sample: 2, inSection: true, waits: createWaits() },
    ...{ progress: null, index: 0, isAlone: false },
    ...more,
  };
}

/** @returns what is wrong after so many sections of one worker */
function run(shape: Shape, lock: OpenedLock, sections: number, plan: TaskPlan = planOf()) {
  const task = openTask(shape, lock, plan);
  const passed = task.run(Phase.idle, sections);
  return {
    ...passed,
    counts: task.counts(),
    wrong: checkTasks(shape, plan.words, task.counts(), []),
  };
}

it('names what a lock is for', () => {
  expect(['exclusive', 'reads-95', 'permits-4', 'queue'].map(shapeOf)).toEqual([
    { is: 'exclusive' },
    { is: 'reads', percent: 95 },
    { is: 'permits', permits: 4 },
    { is: 'queue' },
  ]);
  // Each kind's lock is one that its loop takes.
  const jobs = new Set(OWN_KINDS.map(({ job }) => job));
  expect([...jobs].map((job) => shapeOf(job).is)).toContain('queue');
  for (const job of jobs) expect(JSON.stringify(shapeOf(job))).not.toContain('null');
});

it('has room for the two words that a shared lock guards', () => {
  expect(wordsFor({ is: 'exclusive' }, { words: 7 })).toBe(23);
  expect(wordsFor({ is: 'queue' }, { words: 7 })).toBe(18);
});

it('refuses a lock of another shape', () => {
  expect(() => openTask({ is: 'queue' }, FREE, planOf())).toThrow(TypeError);
});

it('times one section in so many, and says how far it is', () => {
  const progress = wordsOf(progressBytes(2));
  const plan = planOf({ progress, index: 1, sample: 4 });
  const { sections } = run({ is: 'permits', permits: 1 }, FREE, 40, plan);
  expect(sections).toBe(40);
  expect(plan.waits.count).toBe(10);
  expect(sumProgress(progress)).toBe(40);
});

describe('readers and writers', () => {
  it.each([
    [100, 0],
    [95, 5],
    [50, 50],
  ])('read %i of 100 sections', (percent, writes) => {
    const taken = { read: 0, write: 0 };
    const count = (way: keyof typeof taken) => ({ ...FREE, lock: () => taken[way]++ });
    const lock = { read: count('read'), write: count('write') };
    const { counts, wrong } = run({ is: 'reads', percent }, lock, 100);
    expect(taken).toEqual({ read: 100 - writes, write: writes });
    expect(counts).toEqual({ torn: 0, writes });
    expect(wrong).toEqual([]);
  });

  it.each([
    ['is seen by a reader', 100],
    ['is overwritten', 0],
  ])('notice a write that is going on, and %s', (_, percent) => {
    const plan = planOf();
    // Another thread is in the middle of it.
    const way = { ...FREE, lock: () => (plan.words[0] = (plan.words[1] ?? 0) + 1) };
    const { wrong } = run({ is: 'reads', percent }, { read: way, write: way }, 1, plan);
    expect(wrong[0]).toBe('1 sections saw a write that was not done');
  });

  it('notice a write that begins while they read', () => {
    const words = wordsOf(8);
    // Its work on its own memory stands for another thread's write.
    const plan = planOf({ words, own: words, gapUnits: 0 });
    const { wrong } = run({ is: 'reads', percent: 100 }, { read: FREE, write: FREE }, 1, plan);
    expect(wrong[0]).toBe('1 sections saw a write that was not done');
  });

  it('notice a write that was lost', () => {
    const plan = planOf();
    const write = { ...FREE, unlock: () => plan.words.fill(0) };
    const lock = { read: FREE, write };
    expect(run({ is: 'reads', percent: 0 }, lock, 3, plan).wrong).toEqual([
      '3 writes were lost, or made twice',
    ]);
  });
});

describe('permits', () => {
  it('are not given to more than there are', () => {
    expect(run({ is: 'permits', permits: 1 }, FREE, 10).wrong).toEqual([]);
  });

  it.each([1, 2])('of %i are noticed when they are', (permits) => {
    const plan = planOf();
    plan.words[0] = permits;
    expect(run({ is: 'permits', permits }, FREE, 5, plan).wrong).toEqual([
      '5 sections were in with more than there are permits',
      `${permits} holders are left`,
    ]);
  });
});

describe('a queue', () => {
  const shape = { is: 'queue' } as const;
  const queueOf = (buffer = createQueueMemory(4).ring): Queue => {
    const wait = () => {
      throw new Error('it would wait');
    };
    return createQueue(buffer, {
      ...{ lock: () => null, unlock: () => undefined },
      ...{ waitForValue: wait, waitForRoom: wait },
      ...{ tellOfValue: () => undefined, tellOfRoom: () => undefined },
    });
  };

  it('gives values in their order, and is full with as many as it has room for', () => {
    const queue = queueOf();
    for (let value = 0; value < CAPACITY; value++) expect(queue.put(value)).toBe(true);
    expect(() => queue.put(99)).toThrow('it would wait');
    expect(queue.take()).toBe(0);
    expect(queue.put(99)).toBe(true);
    expect(queue.rest()).toEqual([...Array.from({ length: 15 }, (_, at) => at + 1), 99]);
    expect(() => queue.take()).toThrow('it would wait');
  });

  it('ends all waits when it is closed, and keeps what is in it', () => {
    const queue = queueOf();
    queue.put(7);
    queue.close();
    expect([queue.put(8), queue.take(), queue.rest()]).toEqual([false, -1, [7]]);
  });

  it('goes on when its counts have overflown', () => {
    const { ring } = createQueueMemory(4);
    new Int32Array(ring).fill(0x7fff_ffff, 0, 2);
    const queue = queueOf(ring);
    for (let value = 1; value <= 3; value++) queue.put(value);
    expect(new Ring(ring).length).toBe(3);
    expect([queue.take(), queue.take(), queue.take()]).toEqual([1, 2, 3]);
  });

  it('is put to and taken from by one that is alone', () => {
    const { counts, wrong } = run(shape, queueOf(), 10, planOf({ isAlone: true, index: 3 }));
    expect(counts).toMatchObject({ put: 5, taken: 5, disordered: 0 });
    expect(wrong).toEqual([]);
  });

  it.each([
    [0, { put: 9, taken: 0 }],
    [1, { put: 0, taken: 9 }],
  ])('has even workers that put and odd ones that take: %i', (index, counts) => {
    const ring = createQueueMemory(4).ring;
    const filled = queueOf(ring);
    if (index === 1) for (let value = 0; value < 9; value++) filled.put(value);
    expect(run(shape, filled, 9, planOf({ index })).counts).toMatchObject(counts);
  });

  it('is left by its workers when it is closed', () => {
    const queue = queueOf();
    queue.close();
    expect(run(shape, queue, 9).sections).toBe(0);
  });

  it('is closed by a worker that has done its work', () => {
    const queue = queueOf();
    openTask(shape, queue, planOf()).end();
    expect(queue.put(1)).toBe(false);
  });

  it.each([
    ['twice', [0, 1, 1, 2], '1 values came twice, or before earlier ones'],
    ['out of their order', [1, 0, 2], '1 values came twice, or before earlier ones'],
  ])('is noticed to give values %s', (_, values, complaint) => {
    const left = [...values];
    const queue = { ...queueOf(), take: () => left.shift() ?? -1 };
    const { wrong } = run(shape, queue, values.length, planOf({ index: 1 }));
    expect(wrong[0]).toBe(complaint);
  });

  it('may give values of other producers in between, and begin anew after the last number', () => {
    const [mine, other] = [0, 1 << 20];
    const left = [mine + 5, other + 2, mine + (1 << 20) - 1, mine, other + 3];
    const queue = { ...queueOf(), take: () => left.shift() ?? -1 };
    // From 5 to the last is more than half way round, and so taken for a step back.
    expect(run(shape, queue, 5, planOf({ index: 1 })).counts).toMatchObject({ disordered: 1 });
  });

  it('is noticed to lose values', () => {
    const totals = { put: 5, putSum: 10, taken: 3, takenSum: 3, disordered: 0 };
    expect(checkTasks(shape, wordsOf(8), totals, [3, 4])).toEqual([]);
    expect(checkTasks(shape, wordsOf(8), totals, [3])).toHaveLength(2);
    expect(checkTasks(shape, wordsOf(8), totals, [3, 5])).toHaveLength(1);
  });
});
