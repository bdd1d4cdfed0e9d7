// SPDX-License-Identifier: MIT
/**
 * The ways into a lock for readers and writers: what a reader and a writer do
 * when it looks as if they could get in, and how each finds out that the other is
 * dead or late. Who waits for that, and how long, is up to their callers.
 */
import { sharedNow, since } from '../../clock.ts';
import type { Agent } from '../../host/port.ts';
import type { Attachment } from './attachment.ts';
import type { Slots } from './slots.ts';
import { EVENT_LOOP_LEASE, hasWaiters, STATE } from './turnstile.ts';
import { AGAIN, NOT_YET } from './waiter.ts';
import type { Door } from './waiter.ts';
import {
  CLAIMED_SINCE,
  claimWriting,
  confirmWriting,
  isClaimed,
  isClaimedByEventLoop,
  isWritten,
  leaveTorn,
  TORN,
  withdrawClaim,
  writerOf,
} from './writer.ts';

/** Beside the place in what the doors return. */
export const ABANDONED = 1;

/** What the doors of one lock have in common. */
export interface Shared {
  readonly words: Int32Array;
  readonly agent: Agent;
  readonly slots: Slots;
  /** Wakes a writer that waits for readers to leave. */
  readonly tellWriter: () => boolean;
  readonly noteAbandoned: () => void;
}

/**
 * Looks at the writer's word for one who wants in.
 * @returns {@link AGAIN} when it was changed, {@link NOT_YET} when a writer is in or has claimed
 * the lock; 0: nobody writes
 */
function lookAtWriter(
  { words, agent, slots, noteAbandoned }: Shared,
  state: number,
  isLate: boolean,
): number {
  if (!isWritten(state)) return 0;
  if (isLate && agent.hasEnded(writerOf(state))) {
    if (isClaimed(state)) withdrawClaim(words, state);
    else if (leaveTorn(words, state)) noteAbandoned();
    return AGAIN;
  }
  // A claim of an event loop that does not come round, while nobody reads, is in nobody's way for
  // long.
  if (
    !isClaimedByEventLoop(state) ||
    since(Atomics.load(words, CLAIMED_SINCE), sharedNow()) <= EVENT_LOOP_LEASE
  )
    return NOT_YET;
  // It would do that itself, if it came round.
  if (isLate) slots.clearDead();
  if (!slots.isEmpty()) return NOT_YET;
  withdrawClaim(words, state);
  return AGAIN;
}

export class ReadDoor implements Door {
  readonly #shared: Shared;
  readonly #attachment: Attachment | null;

  /**
   * @param attachment of the thread whose section is entered before the lock is taken; null: none
   */
  constructor(shared: Shared, attachment: Attachment | null) {
    this.#shared = shared;
    this.#attachment = attachment;
  }

  attempt(_isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    const { words, slots, tellWriter } = this.#shared;
    const writer = lookAtWriter(this.#shared, Atomics.load(words, STATE), isLate);
    if (writer !== 0) return writer;
    if (!mayTake) return NOT_YET;
    this.#attachment?.thread.enter();
    const place = slots.claim();
    if (place < 0) {
      this.#attachment?.thread.retract();
      return isLate && slots.clearDead() ? AGAIN : NOT_YET;
    }
    const state = Atomics.load(words, STATE);
    if (!isWritten(state)) return place * 2 + (state === TORN ? ABANDONED : 0);
    // A writer that came meanwhile has seen our place, or we see its claim here.
    slots.clear(place);
    this.#attachment?.thread.retract();
    tellWriter();
    return AGAIN;
  }

  isOpen(): boolean {
    return !isWritten(Atomics.load(this.#shared.words, STATE)) && this.#shared.slots.hasRoom();
  }

  isKeptByEventLoop(): boolean {
    return isClaimedByEventLoop(Atomics.load(this.#shared.words, STATE));
  }

  admitsMore(): boolean {
    return hasWaiters(this.#shared.words) && this.isOpen();
  }

  cancel(): boolean {
    return false;
  }
}

/** Lets a thread claim the lock; an event loop, which sleeps at the door only, also take it. */
export class WriteDoor implements Door {
  readonly #shared: Shared;
  readonly #isEventLoop: boolean;
  /** The word that this door has put there; 0: it has not claimed the lock. */
  #claim = 0;

  constructor(shared: Shared, isEventLoop: boolean) {
    this.#shared = shared;
    this.#isEventLoop = isEventLoop;
  }

  attempt(_isLinedUp: boolean, mayTake: boolean, isLate: boolean): number {
    if (this.#claim === 0) {
      const { words, agent } = this.#shared;
      const state = Atomics.load(words, STATE);
      const writer = lookAtWriter(this.#shared, state, isLate);
      if (writer !== 0) return writer;
      if (!mayTake) return NOT_YET;
      this.#claim = claimWriting(words, state, agent.id, this.#isEventLoop);
      if (this.#claim === 0) return AGAIN;
      if (this.#isEventLoop) Atomics.store(words, CLAIMED_SINCE, sharedNow());
    }
    return this.#isEventLoop ? this.confirm(isLate) : 0;
  }

  /**
   * Takes the lock that was claimed.
   * @returns whether a writer has died with it; {@link NOT_YET}: others read; {@link AGAIN}: the
   * claim was lost
   */
  confirm(isLate: boolean): number {
    const { words, slots } = this.#shared;
    const claim = this.#claim;
    if (Atomics.load(words, STATE) === claim) {
      if (isLate) slots.clearDead();
      if (!slots.isEmpty()) return NOT_YET;
    }
    this.#claim = 0;
    return confirmWriting(words, claim) ? (claim < 0 ? ABANDONED : 0) : AGAIN;
  }

  isOpen(): boolean {
    return !isWritten(Atomics.load(this.#shared.words, STATE));
  }

  isKeptByEventLoop(): boolean {
    return this.#claim === 0 && isClaimedByEventLoop(Atomics.load(this.#shared.words, STATE));
  }

  admitsMore(): boolean {
    return false;
  }

  cancel(): boolean {
    const claim = this.#claim;
    this.#claim = 0;
    return claim !== 0 && withdrawClaim(this.#shared.words, claim);
  }
}
