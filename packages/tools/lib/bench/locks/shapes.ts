// SPDX-License-Identifier: MIT
/**
 * The loops over locks that let more than one thread in, or none but in turns: readers and writers,
 * a number of permits, a queue. Each does as much work as the loop of `sections.ts`, on memory of
 * its own, and looks for what shows that the lock did not do what it is for.
 */
import { now } from './clock.ts';
import type { OpenedLock, SyncLock } from './opened.ts';
import { HEADER_WORDS, PHASE } from './phases.ts';
import type { Passed, Plan } from './sections.ts';
import { recordWait } from './waits.ts';
import { spend } from './work.ts';

/** What a lock is used for. */
export type Shape =
  | { readonly is: 'exclusive' }
  /** How many of 100 sections only read. */
  | { readonly is: 'reads'; readonly percent: number }
  | { readonly is: 'permits'; readonly permits: number }
  /** Half of the workers put, half of them take. */
  | { readonly is: 'queue' };

/** @param job of a kind, as `exclusive`, `reads-95`, `permits-2` or `queue` */
export function shapeOf(job: string): Shape {
  const [is, amount] = job.split('-');
  if (is === 'reads') return { is, percent: Number(amount) };
  if (is === 'permits') return { is, permits: Number(amount) };
  return is === 'queue' ? { is } : { is: 'exclusive' };
}

/** Two, for those that are not exclusive. */
const GUARDED_WORDS = 2;

/** @returns words of guarded memory, with the header */
export const wordsFor = (shape: Shape, { words }: { readonly words: number }): number =>
  HEADER_WORDS + (shape.is === 'exclusive' ? words : GUARDED_WORDS);

type Counts = Readonly<Record<string, number>>;

/** Words between the counts that two workers write. */
const APART = 32;
/** Bytes for the counts of sections of all workers. */
export const progressBytes = (workers: number): number =>
  workers * APART * Int32Array.BYTES_PER_ELEMENT;

/** @returns sections that all workers have made so far */
export function sumProgress(progress: Int32Array): number {
  let sum = 0;
  for (let at = 0; at < progress.length; at += APART) sum += progress[at] ?? 0;
  return sum;
}

export interface TaskPlan extends Plan {
  /** Guarded by the lock: two words. */
  readonly words: Int32Array;
  /** See {@link progressBytes}; null: nobody looks. */
  readonly progress: Int32Array | null;
  /** Of this worker, from 0 on. */
  readonly index: number;
  /** Alone, one that puts also takes. */
  readonly isAlone: boolean;
}

/** The loop of one worker. */
export interface Task {
  readonly run: (phase: number, most?: number) => Passed;
  /** For {@link checkTasks}. */
  readonly counts: () => Counts;
  /** Lets others out who wait for this worker. */
  readonly end: () => void;
}

/** @param lock as its kind opened it, of that shape */
export function openTask(shape: Shape, lock: OpenedLock, plan: TaskPlan): Task {
  if (shape.is === 'reads' && 'read' in lock)
    return readWriteTask(lock.read, lock.write, shape.percent, plan);
  if (shape.is === 'permits' && 'lock' in lock) return permitTask(lock, shape.permits, plan);
  if (shape.is === 'queue' && 'put' in lock) return queueTask(lock, plan);
  throw new TypeError(`The lock is none for ${shape.is}.`);
}

/** What shows that a lock failed, of the counts of all workers together; empty: nothing. */
export function checkTasks(
  shape: Shape,
  words: Int32Array,
  totals: Counts,
  rest: readonly number[],
): string[] {
  const count = (name: string): number => totals[name] ?? 0;
  if (shape.is === 'reads')
    return [
      ...complain(count('torn'), 'sections saw a write that was not done'),
      ...complain(
        Math.abs(((words[0] ?? 0) - count('writes')) | 0),
        'writes were lost, or made twice',
      ),
    ];
  if (shape.is === 'permits')
    return [
      ...complain(count('crowded'), 'sections were in with more than there are permits'),
      ...complain(Math.abs(words[0] ?? 0), 'holders are left'),
    ];
  if (shape.is === 'queue')
    return [
      ...complain(count('disordered'), 'values came twice, or before earlier ones'),
      ...complain(Math.abs(count('put') - count('taken') - rest.length), 'values too many or few'),
      ...complain(
        Math.abs(count('putSum') - count('takenSum') - rest.reduce((sum, one) => sum + one, 0)),
        'is the difference of what was put and taken',
      ),
    ];
  return [];
}

const complain = (number: number, what: string): string[] =>
  number === 0 ? [] : [`${number} ${what}`];

/**
 * One loop for all: `step` is a section and returns when it had the lock, `now()` or 0.
 * @param step false: the phase is over, whatever it is
 */
function loop(
  { control, own, gapUnits, sample, inSection, waits, progress, index }: TaskPlan,
  made: { sections: number },
  step: (isTimed: boolean) => number,
): Task['run'] {
  return (phase, most = Number.MAX_SAFE_INTEGER) => {
    let sections = 0;
    let untilSample = 0;
    const started = now();
    while (Atomics.load(control, PHASE) === phase && sections < most) {
      spend(own, 0, gapUnits);
      const timed = untilSample === 0;
      const before = timed ? now() : 0;
      const got = step(timed && inSection);
      if (got < 0) break;
      if (timed) {
        recordWait(waits, (inSection ? got : now()) - before);
        untilSample = sample;
      }
      untilSample--;
      sections++;
      made.sections++;
      if (progress !== null) progress[index * APART] = made.sections;
    }
    return { sections, seconds: (now() - started) / 1e9 };
  };
}

function readWriteTask(read: SyncLock, write: SyncLock, percent: number, plan: TaskPlan): Task {
  const { words, own, units, index } = plan;
  let torn = 0;
  let writes = 0;
  // Workers do not all write at once.
  let due = (index * 37) % 100;
  const made = { sections: 0 };
  const run = loop(plan, made, (isTimed) => {
    due += 100 - percent;
    if (due >= 100) {
      due -= 100;
      const token = write.lock();
      const got = isTimed ? now() : 0;
      const seen = words[0] ?? 0;
      if (words[1] !== seen) torn++;
      words[0] = (seen + 1) | 0;
      spend(own, 0, units);
      // Another writer would have changed it.
      words[1] = words[0];
      writes++;
      write.unlock(token);
      return got;
    }
    const token = read.lock();
    const got = isTimed ? now() : 0;
    const seen = words[0];
    if (words[1] !== seen) torn++;
    spend(own, 0, units);
    if (words[0] !== seen) torn++;
    read.unlock(token);
    return got;
  });
  return { run, counts: () => ({ torn, writes }), end: nothing };
}

function permitTask(lock: SyncLock, permits: number, plan: TaskPlan): Task {
  const { words, own, units } = plan;
  let crowded = 0;
  const run = loop(plan, { sections: 0 }, (isTimed) => {
    const token = lock.lock();
    const got = isTimed ? now() : 0;
    if (Atomics.add(words, 0, 1) >= permits) crowded++;
    spend(own, 0, units);
    Atomics.sub(words, 0, 1);
    lock.unlock(token);
    return got;
  });
  return { run, counts: () => ({ crowded }), end: nothing };
}

const nothing = (): void => undefined;

/** A value says whose it is, and which of them. */
const NUMBERS = 1 << 20;

function queueTask(queue: Extract<OpenedLock, { readonly put: unknown }>, plan: TaskPlan): Task {
  const { own, units, index, isAlone } = plan;
  const totals = { put: 0, putSum: 0, taken: 0, takenSum: 0, disordered: 0 };
  const last = new Map<number, number>();
  const put = (): boolean => {
    const value = index * NUMBERS + (totals.put % NUMBERS);
    if (!queue.put(value)) return false;
    totals.put++;
    totals.putSum += value;
    return true;
  };
  const take = (): boolean => {
    const value = queue.take();
    if (value < 0) return false;
    const from = Math.floor(value / NUMBERS);
    const before = last.get(from) ?? -1;
    // Of one producer, values come in order to whoever takes them.
    const step = ((value % NUMBERS) - before + NUMBERS) % NUMBERS || NUMBERS;
    if (step > NUMBERS / 2) totals.disordered++;
    last.set(from, value % NUMBERS);
    totals.taken++;
    totals.takenSum += value;
    return true;
  };
  const isProducer = index % 2 === 0;
  let puts = isProducer || isAlone;
  const run = loop(plan, { sections: 0 }, (isTimed) => {
    const isDone = puts ? put() : take();
    if (!isDone) return -1;
    if (isAlone) puts = !puts;
    const got = isTimed ? now() : 0;
    spend(own, 0, units);
    return got;
  });
  return {
    run,
    counts: () => totals,
    end: () => {
      queue.close();
    },
  };
}
