/**
 * One waiter of an exclusive lock, from lining up to leaving the line. It looks
 * at the lock in the one order in which no call is lost, and knows what to do
 * about those who died; whoever owns it sleeps between two looks, in its thread
 * or in its event loop.
 */
import { RseqSliceError } from '../errors.ts';
import type { Thread } from '../thread.ts';
import type { Agent } from './agents.ts';
import type { Wake } from './parking.ts';
import { answerCall, arrive, awaitHolder, callsOf, depart, forceOpen, holderOf, isHeld, MOST_WAITERS, STATE, Standing, standing, take } from './turnstile.ts';

/** What a look at the lock came to. */
export const Look = {
  /** It is not ours yet: sleep on {@link Waiter.word} while it is {@link Waiter.calls}. */
  NotYet: 0,
  Taken: 1,
  /** Taken from a holder that died. */
  Abandoned: 2,
} as const;
export type Look = (typeof Look)[keyof typeof Look];

/** Sleeps in a row without being called, in front of a free lock, after which the gate is opened by force. */
const PATIENCE = 5;

export class Waiter {
  /** The word to sleep on, and its value at the last look. */
  word = 0;
  calls = 0;
  /** Whether only the gate keeps it from the lock. */
  isOutside = false;
  /** Whether taking the lock opened the gate for others. */
  openedGate = false;
  readonly #words: Int32Array;
  readonly #agent: Agent;
  #batch: number;
  /** Sleeps in a row in which nothing happened. */
  #idle = 0;
  /** At the first look too: the holder may be dead for long. */
  #suspicious = true;

  /** @throws {RseqSliceError} `ERR_RSEQ_TOO_MANY_WAITERS`. */
  constructor(words: Int32Array, agent: Agent) {
    this.#words = words;
    this.#agent = agent;
    this.#batch = lineUp(words);
  }

  /**
   * Tries to take the lock.
   * @param thread enters a section before taking it, and stays in it when it is taken. null: no section.
   */
  look(thread: Thread | null): Look {
    const words = this.#words;
    for (;;) {
      // In this order: a call that comes before the answer is answered by it, and one that comes after it is seen when
      // we are about to sleep.
      this.word = callsOf(this.#batch);
      this.calls = Atomics.load(words, this.word);
      answerCall(words);
      const where = standing(words, this.#batch);
      if (where === Standing.Forgotten) {
        this.#batch = lineUp(words);
        continue;
      }
      const state = Atomics.load(words, STATE);
      this.isOutside = where === Standing.Outside;
      const isDead = isHeld(state) && this.#suspicious && this.#agent.hasEnded(holderOf(state));
      if (isHeld(state) && !isDead) {
        // Only now may we sleep: its release will call.
        if (awaitHolder(words, state)) return Look.NotYet;
        continue;
      }
      // Who is outside waits for the gate. But when a holder has died, so may have those inside.
      if (this.isOutside && !isDead) return Look.NotYet;
      thread?.enter();
      if (take(words, state, this.#agent.id)) {
        this.openedGate = depart(words, this.#batch);
        return isDead ? Look.Abandoned : Look.Taken;
      }
      thread?.leave();
    }
  }

  /** Notes how a sleep ended. */
  slept(wake: Wake): void {
    this.#suspicious = wake === 'timed out';
    if (!this.#suspicious) this.#idle = 0;
    else if (++this.#idle >= PATIENCE && this.isOutside && !isHeld(Atomics.load(this.#words, STATE))) {
      this.#idle = 0;
      forceOpen(this.#words, this.#batch);
    }
  }

  /**
   * Leaves the line without the lock. The caller must call the next one: this one may have been called.
   * @returns whether that opened the gate.
   */
  giveUp(): boolean {
    return depart(this.#words, this.#batch);
  }
}

function lineUp(words: Int32Array): number {
  const batch = arrive(words);
  if (batch < 0) {
    throw new RseqSliceError('ERR_RSEQ_TOO_MANY_WAITERS', `${String(MOST_WAITERS)} threads wait for this lock already, and no more can be counted.`);
  }
  return batch;
}
