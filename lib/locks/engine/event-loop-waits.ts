// SPDX-License-Identifier: MIT
/**
 * How those who wait for a call do it in their event loop: in a `Condition` and in a `Barrier`,
 * where each looks for itself whether its wait is over. Those who wait for a lock line up instead,
 * see `waiting.ts`.
 *
 * An object has one of these per thread, for all of its waits there. They sleep on one word, the
 * bell, and whoever may have ended a wait of any thread rings it.
 */
import type { AsyncLockOptions } from '../options.ts';
import { onAbort } from './abort.ts';
import { joinHeartbeat, leaveHeartbeat } from './heartbeat.ts';
import { EventLoopSleep, wakeEventLoops } from './parking.ts';
import { startTimeout } from './timeout.ts';

/** The words of one object that its event loops are rung by. */
export interface Bell {
  readonly words: Int32Array;
  /** Index of the word that they sleep on. */
  readonly bell: number;
  /** Index of the word that is 1 when one wants to be rung. */
  readonly listening: number;
}

/**
 * What an object does differently.
 *
 * `T` is what it knows of a wait, one value for each, and `R` how a wait can be over.
 */
export interface WaitRules<T, R> {
  /** How a wait is over; null: it is not. */
  readonly look: (wait: T) => R | null;
  /** Gives a wait up. @returns how it was over at that moment after all; null: it was not */
  readonly giveUp: (wait: T) => R | null;
  /** Called now and then, before a look at all waits, with the one that began last. */
  readonly lookForDead?: (last: T) => void;
}

/** How a wait has ended. */
export interface Ending<R> {
  readonly how: R | 'timed out' | 'aborted';
  /** What it was aborted with. */
  readonly reason: unknown;
}

export class EventLoopWaits<T, R> {
  readonly #bell: Bell;
  readonly #rules: WaitRules<T, R>;
  readonly #sleep: EventLoopSleep;
  /** In the order in which they began, each with what ends it. */
  readonly #waits = new Map<T, (ending: Ending<R>) => void>();

  constructor(bell: Bell, rules: WaitRules<T, R>) {
    this.#bell = bell;
    this.#rules = rules;
    this.#sleep = new EventLoopSleep(bell.words, bell.bell, this.#serve);
  }

  /** Waits, and keeps the event loop alive meanwhile. */
  wait(wait: T, { timeout, signal }: AsyncLockOptions): Promise<Ending<R>> {
    return new Promise((resolve) => {
      const stopTimeout = startTimeout(timeout, () => {
        this.giveUp(wait, 'timed out');
      });
      const stopListening = onAbort(signal, (reason) => {
        this.giveUp(wait, 'aborted', reason);
      });
      this.#waits.set(wait, (ending) => {
        stopTimeout();
        stopListening();
        resolve(ending);
      });
      if (this.#waits.size === 1) joinHeartbeat(this.#beat);
      this.#serve();
    });
  }

  /** Gives a wait up, unless it has ended. */
  giveUp(wait: T, how: 'timed out' | 'aborted', reason?: unknown): void {
    if (this.#waits.has(wait)) this.end(wait, this.#rules.giveUp(wait) ?? how, reason);
  }

  /** Ends a wait. @returns false: it has ended before, or has not begun */
  end(wait: T, how: Ending<R>['how'], reason?: unknown): boolean {
    const resolve = this.#waits.get(wait);
    if (resolve === undefined) return false;
    this.#waits.delete(wait);
    if (this.#waits.size === 0) leaveHeartbeat(this.#beat);
    resolve({ how, reason });
    return true;
  }

  /**
   * Makes the event loops of all threads look. It makes a system call, so the caller is in no
   * section, or has paused it.
   */
  ring(): void {
    const { words, bell, listening } = this.#bell;
    if (Atomics.load(words, listening) === 0) return;
    // In this order: who listens from now on looks anew, or finds the bell changed.
    Atomics.store(words, listening, 0);
    Atomics.add(words, bell, 1);
    wakeEventLoops(words, bell);
  }

  readonly #beat = (): void => {
    const { lookForDead } = this.#rules;
    if (lookForDead !== undefined) {
      const last = [...this.#waits.keys()].at(-1);
      if (last !== undefined) lookForDead(last);
    }
    this.#serve();
  };

  /** Ends the waits that are over, then sleeps if there are more. */
  readonly #serve = (): void => {
    const { words, bell, listening } = this.#bell;
    while (this.#waits.size > 0) {
      const seen = Atomics.load(words, bell);
      Atomics.store(words, listening, 1);
      for (const wait of this.#waits.keys()) {
        const how = this.#rules.look(wait);
        // Those behind began later, and are not over either.
        if (how === null) break;
        this.end(wait, how);
      }
      if (this.#waits.size === 0 || this.#sleep.sleep(seen)) return;
    }
  };
}
