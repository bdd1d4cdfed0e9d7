// SPDX-License-Identifier: MIT
/**
 * The locks that can be measured, each behind the same few functions. Those of this
 * library are here, and those that a program would write for itself; more come from a
 * module that is named in each job, because the processes and threads that measure load
 * it too.
 */
import type { Mutex, SpinLock, Thread } from 'rseq-slice';
import { CAPACITY, createQueue, RING_BYTES } from './queue.ts';
import type { OpenedLock, SyncLock } from './opened.ts';
import {
  bareCasLock,
  slicedCasLock,
  textbookEvent,
  textbookLock,
  textbookReadWriteLock,
  textbookSemaphore,
} from './textbook.ts';
import type { TextbookEvent } from './textbook.ts';

export interface Kind {
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  /** Worker threads; tasks of one thread; a program that is not JavaScript. */
  readonly runner: 'workers' | 'tasks' | 'program';
  /** Whether it can be had with and without; else it is measured without only. */
  readonly slices: boolean;
  /**
   * Whether it is a lock of this library, which needs a thread that is attached also when slices
   * are off.
   */
  readonly attaches: boolean;
  /**
   * Whether it is compared with the others of its job. A lock of this library may also be one of
   * those others.
   */
  readonly ours: boolean;
  /** What it is used for, see `shapeOf()`: those of one job are compared. */
  readonly job: string;
  /** The lock that a program would write for itself in its place; null: it is one, or none. */
  readonly baseline: string | null;
  /** Why it cannot be measured here, or null. */
  readonly missing: () => Promise<string | null>;
  /** What workers share; it is cloned to them. */
  readonly create: () => unknown;
  /** In a worker. */
  readonly open: (shared: unknown, thread: Thread | null) => Promise<OpenedLock>;
}

export type Kinds = ReadonlyMap<string, Kind>;

/** A module with `createKinds(argument): readonly Kind[]`. */
export interface KindsModule {
  /** Its address. */
  readonly url: string;
  /** What it is to know, such as a folder. */
  readonly argument: string | null;
}

const LOCK_BYTES = 128;
/** As much as they need: `byteLength` of each, which is not asked for where nothing is measured. */
const RW_BYTES = 2048;
const SEMAPHORE_BYTES = 256;
const CONDITION_BYTES = 512;
const QUEUE_BYTES = 512;
/** Of a record in a queue. */
const RECORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** Imported by need: other kinds do without it. */
const library = (): Promise<typeof import('rseq-slice')> => import('rseq-slice');

/** One thread at a time. */
export const EXCLUSIVE = 'exclusive';

const memory = (): SharedArrayBuffer => new SharedArrayBuffer(LOCK_BYTES);
const nothing = (): Promise<null> => Promise.resolve(null);

/** @throws {TypeError} */
function present(thread: Thread | null): Thread {
  if (thread === null) throw new TypeError('A lock of this library wants a thread.');
  return thread;
}

const OURS: Pick<Kind, 'runner' | 'slices' | 'attaches' | 'ours' | 'missing'> = {
  ...{ runner: 'workers', slices: true, attaches: true, ours: true },
  missing: nothing,
};

/** Releases what a lock of this library gave. */
const unlock = (token: unknown): void => {
  (token as { unlock(): boolean }).unlock();
};

/** Both have the same functions; the type of one says so. */
type ExclusiveName = 'Mutex' | 'SpinLock';

async function createLock(
  className: ExclusiveName,
  buffer: unknown,
  thread: Thread | null,
): Promise<Mutex | SpinLock> {
  const Lock = (await library())[className];
  return new Lock({ buffer: buffer as SharedArrayBuffer, thread: present(thread) });
}

/** The way that gives no token, as those that a program would write do not. */
const bareWay = (lock: Mutex | SpinLock): SyncLock => ({
  lock: () => {
    lock.enter();
  },
  unlock: () => {
    lock.leave();
  },
  stats: () => ({ ...lock.stats() }),
});

const tokenWay = (lock: Mutex | SpinLock): SyncLock => ({
  lock: () => lock.lock(),
  unlock,
  stats: () => ({ ...lock.stats() }),
});

const exclusive = (
  name: string,
  className: ExclusiveName,
  what: string,
  baseline: string,
  way: typeof bareWay,
): Kind => ({
  ...OURS,
  ...{ name, what, baseline, job: EXCLUSIVE },
  // Not the shared memory of the work: the lock has lines of its own.
  create: memory,
  open: async (buffer, thread) => way(await createLock(className, buffer, thread)),
});

const readers = (percent: number): Kind => ({
  ...OURS,
  name: `rw-${percent}`,
  what: `the RwLock of this library, ${percent} of 100 sections read`,
  ...{ job: `reads-${percent}`, baseline: `textbook-rw-${percent}` },
  create: () => new SharedArrayBuffer(RW_BYTES),
  async open(buffer, thread) {
    const { RwLock } = await library();
    const lock = new RwLock({ buffer: buffer as SharedArrayBuffer, thread: present(thread) });
    return {
      read: { lock: () => lock.readLock(), unlock },
      write: { lock: () => lock.writeLock(), unlock },
      stats: () => ({ ...lock.stats() }),
    };
  },
});

/** What is there without readers, to see what they gain. */
const mutexForReaders = (percent: number): Kind => ({
  ...OURS,
  name: `mutex-${percent}`,
  what: `the Mutex of this library in its place`,
  ...{ job: `reads-${percent}`, baseline: null, ours: false },
  create: memory,
  async open(buffer, thread) {
    const lock = tokenWay(await createLock('Mutex', buffer, thread));
    return {
      read: lock,
      write: lock,
      ...(lock.stats === undefined ? {} : { stats: lock.stats }),
    };
  },
});

const permits = (number: number): Kind => ({
  ...OURS,
  name: `semaphore-${number}`,
  what: `the Semaphore of this library, permits: ${number}`,
  ...{ job: `permits-${number}`, baseline: `textbook-semaphore-${number}` },
  create: () => new SharedArrayBuffer(SEMAPHORE_BYTES),
  async open(buffer, thread) {
    const { Semaphore } = await library();
    const semaphore = new Semaphore({
      ...{ buffer: buffer as SharedArrayBuffer, thread: present(thread), permits: number },
    });
    return {
      lock: () => semaphore.acquire(),
      unlock,
      stats: () => ({ ...semaphore.stats() }),
    };
  },
});

/** Memory of a queue, each part on lines of its own. */
export interface QueueMemory {
  readonly lock: SharedArrayBuffer;
  readonly value: SharedArrayBuffer;
  readonly room: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
}

/** @param eventBytes of each of its events */
export const createQueueMemory = (eventBytes: number): QueueMemory => ({
  lock: memory(),
  value: new SharedArrayBuffer(eventBytes),
  room: new SharedArrayBuffer(eventBytes),
  ring: new SharedArrayBuffer(RING_BYTES),
});

const condition: Kind = {
  ...OURS,
  name: 'condition',
  what: `a queue of ${CAPACITY} over a Mutex and two of this library's Condition, half of the workers put and half take`,
  ...{ job: 'queue', baseline: 'textbook-queue' },
  create: () => createQueueMemory(CONDITION_BYTES),
  async open(shared, thread) {
    const parts = shared as QueueMemory;
    const { Condition, Mutex } = await library();
    const own = present(thread);
    const mutex = new Mutex({ buffer: parts.lock, thread: own });
    const value = new Condition({ buffer: parts.value, thread: own });
    const room = new Condition({ buffer: parts.room, thread: own });
    return createQueue(parts.ring, {
      lock: () => mutex.lock(),
      unlock,
      waitForValue: (token) => {
        value.wait(token);
        return token;
      },
      waitForRoom: (token) => {
        room.wait(token);
        return token;
      },
      tellOfValue: (count) => void value.notify(count),
      tellOfRoom: (count) => void room.notify(count),
      stats: () => ({ ...mutex.stats() }),
    });
  },
};

const queue: Kind = {
  ...OURS,
  name: 'queue',
  what: `the Queue of this library, of ${CAPACITY} numbers, for the same`,
  ...{ job: 'queue', baseline: 'textbook-queue' },
  create: () => new SharedArrayBuffer(QUEUE_BYTES),
  async open(buffer, thread) {
    const { Queue } = await library();
    const queue = new Queue({
      ...{ buffer: buffer as SharedArrayBuffer, thread: present(thread) },
      ...{ capacity: CAPACITY, recordBytes: RECORD_BYTES },
    });
    const record = new Uint8Array(RECORD_BYTES);
    const number = new DataView(record.buffer);
    const read = ({ buffer, byteOffset }: Uint8Array): number =>
      new DataView(buffer, byteOffset).getInt32(0);
    return {
      put(value) {
        number.setInt32(0, value);
        try {
          queue.push(record);
          return true;
        } catch (error) {
          if (queue.closed) return false;
          throw error;
        }
      },
      take() {
        const taken = queue.pop();
        return taken === null ? -1 : read(taken);
      },
      close: () => {
        queue.close();
      },
      rest: () => Array.from(queue, read),
      stats: () => ({ ...queue.stats() }),
    };
  },
};

const PERCENTS = [100, 95, 50];
const PERMITS = [1, 2, 4];

/** Those of this library, and what they are measured with in its place. */
const LIBRARY_KINDS: readonly Kind[] = [
  exclusive(
    'mutex',
    'Mutex',
    'the Mutex of this library, enter() and leave()',
    'textbook',
    bareWay,
  ),
  exclusive(
    ...(['mutex-token', 'Mutex', 'the same by lock() and a token', 'textbook'] as const),
    tokenWay,
  ),
  exclusive('spin', 'SpinLock', 'the SpinLock of this library, likewise', 'bare-cas', bareWay),
  ...PERCENTS.flatMap((percent) => [readers(percent), mutexForReaders(percent)]),
  ...PERMITS.map(permits),
  condition,
  queue,
];

const BY_HAND: Omit<Kind, 'name' | 'what' | 'job' | 'open'> = {
  ...{ runner: 'workers', slices: false, attaches: false, ours: false },
  baseline: null,
  missing: nothing,
  create: memory,
};

const wordsOf = (buffer: unknown): Int32Array => new Int32Array(buffer as SharedArrayBuffer);

/** What a program would write for itself. */
const TEXTBOOK_KINDS: readonly Kind[] = [
  {
    ...BY_HAND,
    name: 'textbook',
    what: 'a mutex of three states, Atomics.wait and notify (Drepper)',
    job: EXCLUSIVE,
    open: (buffer) => Promise.resolve(textbookLock(wordsOf(buffer))),
  },
  {
    ...BY_HAND,
    name: 'bare-cas',
    what: 'compare-and-swap until it succeeds; with slices a section around it',
    ...{ job: EXCLUSIVE, slices: true },
    open: (buffer, thread) =>
      Promise.resolve(
        thread === null ? bareCasLock(wordsOf(buffer)) : slicedCasLock(wordsOf(buffer), thread),
      ),
  },
  ...PERCENTS.map((percent): Kind => ({
    ...BY_HAND,
    name: `textbook-rw-${percent}`,
    what: 'a count of readers or a writer in one word, Atomics.wait and notify',
    job: `reads-${percent}`,
    open: (buffer) => Promise.resolve(textbookReadWriteLock(wordsOf(buffer))),
  })),
  ...PERMITS.map((number): Kind => ({
    ...BY_HAND,
    name: `textbook-semaphore-${number}`,
    what: 'a count of permits, Atomics.wait and notify',
    job: `permits-${number}`,
    create: () => {
      const buffer = memory();
      new Int32Array(buffer)[0] = number;
      return buffer;
    },
    open: (buffer) => Promise.resolve(textbookSemaphore(wordsOf(buffer))),
  })),
  {
    ...BY_HAND,
    name: 'textbook-queue',
    what: 'the same queue over the textbook mutex, Atomics.wait and notify',
    job: 'queue',
    create: () => createQueueMemory(LOCK_BYTES),
    open(shared) {
      const parts = shared as QueueMemory;
      const lock = textbookLock(wordsOf(parts.lock));
      const [value, room] = [parts.value, parts.room].map((buffer) =>
        textbookEvent(wordsOf(buffer)),
      ) as [TextbookEvent, TextbookEvent];
      return Promise.resolve(
        createQueue(parts.ring, {
          lock: lock.lock,
          unlock: (token) => {
            lock.unlock(token);
          },
          waitForValue: () => {
            value.wait(lock);
          },
          waitForRoom: () => {
            room.wait(lock);
          },
          tellOfValue: value.notify,
          tellOfRoom: room.notify,
          ...(lock.stats === undefined ? {} : { stats: lock.stats }),
        }),
      );
    },
  },
];

/** Those that need nothing but this library. */
export const OWN_KINDS: readonly Kind[] = [...LIBRARY_KINDS, ...TEXTBOOK_KINDS];

/** @param module null: no others than ours */
export async function loadKinds(module: KindsModule | null): Promise<Kinds> {
  const more =
    module === null
      ? []
      : (
          (await import(module.url)) as { createKinds(argument: string | null): readonly Kind[] }
        ).createKinds(module.argument);
  return new Map([...OWN_KINDS, ...more].map((kind) => [kind.name, kind]));
}

export function kindOf(kinds: Kinds, name: string): Kind {
  const kind = kinds.get(name);
  if (kind === undefined)
    throw new Error(`No lock is called '${name}'. There is: ${[...kinds.keys()].join(', ')}.`);
  return kind;
}
