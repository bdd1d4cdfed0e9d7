// SPDX-License-Identifier: MIT
/**
 * What a recorded thread tells of a lock: how long it waited and how that ended,
 * and when it released a lock that others waited for. All of it is off the hot
 * path, which is taken when nobody waits. Asynchronous waits are not recorded:
 * the thread does something else meanwhile.
 */
import { threadId } from 'node:worker_threads';
import type { Thread } from '../../sections/thread.ts';
import { NO_LOCK, WaitEnd } from '../../recording/memory.ts';
import { now } from '../../recording/recorder.ts';
import type { Recorder } from '../../recording/recorder.ts';
import { recorderOf } from '../../recording/recording-thread.ts';
import { LOCK_KINDS } from './layout.ts';
import { RECORDED_AS } from './turnstile.ts';

/**
 * Locks are numbered as they are first waited for; the upper bits say which thread has numbered
 * one.
 */
const LOCKS_A_THREAD = 1 << 12;
let numbered = 0;

export class LockRecording {
  readonly #recorder: Recorder;
  /** Index in `LOCK_KINDS`. */
  readonly #kind: number;
  readonly #words: Int32Array;

  constructor(recorder: Recorder, kind: number, words: Int32Array) {
    this.#recorder = recorder;
    this.#kind = kind;
    this.#words = words;
  }

  /** @param wait returns how the lock was taken: odd from a dead holder; throws when it gives up */
  waiting(wait: () => number): number {
    const from = now();
    let end: number = WaitEnd.GaveUp;
    try {
      const result = wait();
      end = (result & 1) === 1 ? WaitEnd.Abandoned : WaitEnd.Taken;
      return result;
    } finally {
      this.#recorder.waited(this.#kind, end, from, now(), this.#id());
    }
  }

  /** @param release also calls those who wait */
  releasing(release: () => void): void {
    const id = this.#id();
    const from = now();
    release();
    this.#recorder.released(this.#kind, from, now(), id);
  }

  /** The same number in every thread. */
  #id(): number {
    const known = Atomics.load(this.#words, RECORDED_AS);
    if (known !== 0) return known;
    const id = ((threadId + 1) * LOCKS_A_THREAD + (numbered++ % LOCKS_A_THREAD)) & 0x7fff_ffff;
    const found = Atomics.compareExchange(this.#words, RECORDED_AS, 0, id);
    return found === 0 ? id : found;
  }
}

/** null: the thread is not recorded. */
export function recordLock(thread: Thread, name: string, words: Int32Array): LockRecording | null {
  const recorder = recorderOf(thread);
  return recorder === null ? null : new LockRecording(recorder, kindOf(name), words);
}

/**
 * Waits for a notification, of which no release is recorded.
 * @param wait returns whether it came
 */
export function recordWait(thread: Thread | null, name: string, wait: () => boolean): boolean {
  const recorder = thread === null ? null : recorderOf(thread);
  if (recorder === null) return wait();
  const from = now();
  const isNotified = wait();
  recorder.waited(kindOf(name), isNotified ? WaitEnd.Taken : WaitEnd.GaveUp, from, now(), NO_LOCK);
  return isNotified;
}

const kindOf = (name: string): number => LOCK_KINDS.findIndex((kind) => kind === name);
