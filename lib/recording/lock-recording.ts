// SPDX-License-Identifier: MIT
/**
 * What a recorded thread tells of a lock: how long it waited and how that ended,
 * and when it released a lock that others waited for.
 */
import { threadId } from 'node:worker_threads';
import type { LockObserver, ThreadObserver } from '../sections/observer.ts';
import { NO_LOCK, WaitEnd } from './memory.ts';
import { now } from './recorder.ts';
import type { Recorder } from './recorder.ts';

/**
 * Locks are numbered as they are first waited for; the upper bits say which thread has numbered
 * one.
 */
const LOCKS_A_THREAD = 1 << 12;
let numbered = 0;

class LockRecording implements LockObserver {
  readonly #recorder: Recorder;
  readonly #kind: number;
  readonly #words: Int32Array;
  /** Index of the word that has the lock's number. */
  readonly #name: number;

  constructor(recorder: Recorder, kind: number, words: Int32Array, name: number) {
    this.#recorder = recorder;
    this.#kind = kind;
    this.#words = words;
    this.#name = name;
  }

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

  releasing(release: () => void): void {
    const id = this.#id();
    const from = now();
    release();
    this.#recorder.released(this.#kind, from, now(), id);
  }

  /** The same number in every thread. */
  #id(): number {
    const known = Atomics.load(this.#words, this.#name);
    if (known !== 0) return known;
    const id = ((threadId + 1) * LOCKS_A_THREAD + (numbered++ % LOCKS_A_THREAD)) & 0x7fff_ffff;
    const found = Atomics.compareExchange(this.#words, this.#name, 0, id);
    return found === 0 ? id : found;
  }
}

/** The locks of a thread that is recorded. */
export class LockRecordings implements ThreadObserver {
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  lock(kind: number, words: Int32Array, name: number): LockObserver {
    return new LockRecording(this.#recorder, kind, words, name);
  }

  notification(kind: number, wait: () => boolean): boolean {
    const from = now();
    const isNotified = wait();
    const end = isNotified ? WaitEnd.Taken : WaitEnd.GaveUp;
    this.#recorder.waited(kind, end, from, now(), NO_LOCK);
    return isNotified;
  }
}
