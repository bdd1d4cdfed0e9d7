// SPDX-License-Identifier: MIT
/**
 * Where threads wait for each other, again and again: none goes on before all
 * have come. One that can never be full must not keep anybody, so it breaks when
 * one of those who wait gives up or dies; the words are in `engine/arrivals.ts`.
 * Nobody waits for one who is in it, so there is no section.
 */
import { availableParallelism } from 'node:os';
import { LOCK_ABANDONED, LOCK_TIMEOUT, publishLater } from '../channels.ts';
import type { LockMessage } from '../channels.ts';
import { leftUntil } from '../clock.ts';
import { RseqSliceError } from '../errors.ts';
import { currentHost } from '../host/current.ts';
import type { Agent, Bed, Sleeping } from '../host/port.ts';
import { checkValue, invalid } from '../options.ts';
import { observerOf } from '../sections/observer.ts';
import {
  arrive,
  arrivedIn,
  beginAnew,
  BELL,
  breakUp,
  CALLS,
  clearPlaces,
  countReset,
  findPlace,
  found,
  generationOf,
  isBroken,
  isLast,
  isMissing,
  LISTENING,
  Outcome,
  outcomeOf,
  partiesIn,
  readResets,
  readState,
  SLEEPERS,
  takeParty,
  takePlace,
} from './engine/arrivals.ts';
import type { Arrival as Ticket } from './engine/arrivals.ts';
import { Attachment } from './engine/attachment.ts';
import { EventLoopWaits } from './engine/event-loop-waits.ts';
import { FIRST, lengthOf, LOCK_KINDS, place } from './engine/layout.ts';
import type { LockHandle } from './engine/layout.ts';
import { agentOf } from './engine/liveness.ts';
import { POLL } from './engine/parking.ts';
import { describeLock, printAs, refuseCopies } from './engine/posting.ts';
import { OWN } from './engine/turnstile.ts';
import {
  checkAsyncOptions,
  checkBarrier,
  checkOptions,
  deadlineOf,
  MAIN_THREAD,
  optionsFor,
  PARTIES,
  refuseToBlock,
  timedOut,
} from './options.ts';
import type { AsyncLockOptions, BarrierOptions, LockOptions, UseOptions, Ways } from './options.ts';

const NO_OPTIONS: LockOptions = {};
const WAYS: Ways = { tries: null, waits: 'waitAsync()' };
/** For those who are told of waits. */
const KIND = LOCK_KINDS.indexOf('Barrier');
/** Looks before sleeping: with one CPU nobody else can arrive meanwhile. */
const SPINS = availableParallelism() > 1 ? 300 : 0;
/** Of so many places it is asked after each sleep whether their threads live. */
const LOOKS = 16;
/** Those who wait and are woken. */
const ALL = 0x7fff_ffff;

/** One who has arrived. */
interface Arrival extends Ticket {
  /** How many came before it. */
  readonly index: number;
  /** Whether it also passed the generation before. */
  readonly isMember: boolean;
}

/** A cyclic barrier over shared memory: threads that wait until all of them are there. */
export class Barrier {
  /** Plain data that names this barrier in another thread. */
  readonly handle: LockHandle;
  readonly #words: Int32Array;
  readonly #bed: Bed;
  readonly #attachment: Attachment;
  readonly #agent: Agent;
  readonly #sleeping: Sleeping = currentHost().sleeping;
  readonly #waits: EventLoopWaits<Arrival, Outcome>;
  readonly #mayBlock: boolean;
  /** The place that was asked after last. */
  #asked = FIRST;

  static {
    printAs(Barrier.prototype, (barrier) =>
      describeLock(
        barrier.handle,
        barrier.broken ? 'broken' : `${barrier.waiting} of ${barrier.parties} wait`,
      ),
    );
  }

  /**
   * Bytes of memory that one for so many parties takes.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when that is no number of parties.
   */
  static byteLength(parties: number): number {
    checkValue('Barrier.byteLength()', 'parties', parties, PARTIES);
    return lengthOf('Barrier', parties) * Int32Array.BYTES_PER_ELEMENT;
  }

  /**
   * The barrier that another thread's `handle` names.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when there is none.
   */
  static from(handle: LockHandle, options?: UseOptions): Barrier {
    const placed = optionsFor('Barrier', handle, options);
    const words = new Int32Array(placed.buffer, placed.byteOffset, FIRST);
    return new Barrier({ ...placed, parties: Atomics.load(words, OWN) });
  }

  /**
   * A barrier in shared memory: one that is there, or a fresh one where memory is zero.
   * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`, also when something else is there, or a
   * barrier that was made for another number of parties.
   */
  constructor(options: BarrierOptions);
  constructor(options: BarrierOptions, ...more: readonly unknown[]) {
    refuseCopies(this, 'Barrier');
    checkBarrier(options, more);
    const { parties } = options;
    const { words, handle } = place('Barrier', lengthOf('Barrier', parties), options);
    const known = Atomics.compareExchange(words, OWN, 0, parties);
    if (known !== 0 && known !== parties)
      throw invalid(
        `The Barrier at byte ${handle.byteOffset} of this buffer was made for ${known} parties, not ${parties}.`,
      );
    found(words, parties);
    this.handle = handle;
    this.#words = words;
    this.#bed = { words, sleepers: SLEEPERS };
    this.#attachment = new Attachment(options.thread);
    this.#agent = agentOf(this.#attachment);
    this.#mayBlock = !MAIN_THREAD || options.blockMainThread === true;
    this.#waits = new EventLoopWaits(
      { words, bell: BELL, listening: LISTENING },
      {
        look: (arrival) => unlessWaiting(outcomeOf(words, arrival)),
        giveUp: (arrival) => (this.#breakUp(arrival) ? null : outcomeOf(words, arrival)),
        // One for all: they have arrived one after the other, and the last one knows most.
        lookForDead: (last) => {
          this.#lookForDead(last);
        },
      },
    );
  }

  /** How many must arrive: as many as it was made for, less those that were dropped. */
  get parties(): number {
    return partiesIn(readState(this.#words));
  }

  /** How many have arrived and wait for the others. */
  get waiting(): number {
    return arrivedIn(readState(this.#words));
  }

  /** Whether it is broken, and every wait is refused until {@link Barrier.reset}. */
  get broken(): boolean {
    return isBroken(readState(this.#words));
  }

  /**
   * Arrives, and waits until all parties have; then the barrier is as new for the next time. When
   * the time is over before, the barrier is broken for all.
   * @returns how many had arrived before: 0 for exactly one of the parties, which can do what is to
   * be done once.
   * @throws {RseqSliceError} `ERR_RSEQ_TIMEOUT`; `ERR_RSEQ_BROKEN_BARRIER` when another one gave
   * up, died, or called {@link Barrier.abort} or {@link Barrier.reset}, or when all parties were
   * dropped; `ERR_RSEQ_WOULD_BLOCK` in the main thread, which has not arrived then, unless it is
   * the last or its timeout 0; `ERR_RSEQ_INVALID_OPTION`.
   */
  wait(options: LockOptions = NO_OPTIONS): number {
    if (options !== NO_OPTIONS) checkOptions('Barrier', options);
    const { timeout } = options;
    const deadline = deadlineOf(timeout);
    const arrival = this.#arrive(this.#mayBlock || timeout === 0);
    let outcome: Outcome = Outcome.Waiting;
    const sleep = (): boolean => {
      outcome = this.#sleepUntil(arrival, deadline);
      return outcome === Outcome.Passed;
    };
    const observer = observerOf(this.#attachment.present);
    if (observer === null) sleep();
    else observer.notification(KIND, sleep);
    return this.#settle(arrival, outcome, timeout);
  }

  /**
   * The same without blocking the thread, which stays alive while it waits.
   * @throws rejects as {@link Barrier.wait} throws, or with the signal's reason: then the barrier
   * is broken, unless the signal was aborted before.
   */
  async waitAsync(options: AsyncLockOptions = NO_OPTIONS): Promise<number> {
    if (options !== NO_OPTIONS) checkAsyncOptions('Barrier', options);
    options.signal?.throwIfAborted();
    const arrival = this.#arrive(true);
    if (outcomeOf(this.#words, arrival) === Outcome.Passed) return arrival.index;
    const { how, reason } = await this.#waits.wait(arrival, options);
    if (how === 'aborted') throw reason;
    const outcome = how === 'timed out' ? Outcome.Waiting : how;
    return this.#settle(arrival, outcome, options.timeout);
  }

  /**
   * Leaves for good: from now on one party less must arrive, which may let the others pass. For a
   * thread that is not to come again: if it ended without, the others would take it for dead.
   */
  drop(): void {
    const generation = generationOf(readState(this.#words));
    const ended = takeParty(this.#words);
    // Not before: a thread that dies in between would be waited for, and nobody would know it.
    clearPlaces(this.#words, generation, this.#agent.id);
    if (ended) this.#wakeAll();
  }

  /** Breaks the barrier: those who wait get `ERR_RSEQ_BROKEN_BARRIER`, and so do those who come. */
  abort(): void {
    if (breakUp(this.#words, generationOf(readState(this.#words)))) this.#wakeAll();
  }

  /**
   * Makes the barrier as new, with the parties that it has now: those that were dropped do not come
   * back. For another number make a new one. Those who wait get `ERR_RSEQ_BROKEN_BARRIER`.
   */
  reset(): void {
    const words = this.#words;
    let generation: number;
    // In this order: nobody arrives in a broken generation, and who was in one finds it out.
    do {
      generation = generationOf(readState(words));
      breakUp(words, generation);
    } while (generationOf(readState(words)) !== generation);
    countReset(words);
    clearPlaces(words, generation + 1);
    beginAnew(words, generation);
    this.#wakeAll();
  }

  /** @param mayWait false: only to be the last */
  #arrive(mayWait: boolean): Arrival {
    const words = this.#words;
    let isMember = false;
    for (let claimed = 0; ;) {
      const state = readState(words);
      const generation = generationOf(state);
      if (isBroken(state)) throw brokenBarrier();
      if (partiesIn(state) === 0) throw noParties();
      if (!mayWait && !isLast(state)) refuseToBlock('Waiting for the other parties', WAYS);
      const resets = readResets(words);
      if (claimed !== generation) isMember = this.#takePlace(generation);
      claimed = generation;
      if (!arrive(words, state)) continue;
      if (isLast(state)) this.#wakeAll();
      return { generation, resets, index: arrivedIn(state), isMember };
    }
  }

  /** @returns whether this thread passed the generation before */
  #takePlace(generation: number): boolean {
    const { id, hasEnded } = this.#agent;
    for (;;) {
      const at = findPlace(this.#words, id, generation, hasEnded);
      // More come than there are parties: one that finds no place is not missed if it dies.
      if (at === 0 || takePlace(this.#words, Math.abs(at), id, generation)) return at < 0;
    }
  }

  #sleepUntil(arrival: Arrival, deadline: number): Outcome {
    const words = this.#words;
    for (let looks = 0; ; looks++) {
      const seen = Atomics.load(words, CALLS);
      const outcome = outcomeOf(words, arrival);
      if (outcome !== Outcome.Waiting) return outcome;
      const left = leftUntil(deadline);
      if (left <= 0 && this.#breakUp(arrival)) return Outcome.Waiting;
      if (left <= 0 || looks < SPINS) continue;
      const paused = this.#attachment.pause();
      const wake = this.#sleeping.sleep(this.#bed, CALLS, seen, Math.min(left, POLL));
      if (paused) this.#attachment.resume();
      if (wake === 'timed out') this.#lookForDead(arrival);
    }
  }

  /** @param outcome `Waiting`: its time was over, and it has broken the barrier */
  #settle({ index }: Arrival, outcome: Outcome, timeout: number | undefined): number {
    if (outcome === Outcome.Passed) return index;
    if (outcome === Outcome.Broken) throw brokenBarrier();
    throw timedOut('Barrier', timeout);
  }

  /** @returns false: it has ended, or was broken by another one */
  #breakUp({ generation }: Arrival): boolean {
    if (!breakUp(this.#words, generation)) return false;
    publishLater(LOCK_TIMEOUT, this.#message());
    this.#wakeAll();
    return true;
  }

  /** Breaks the barrier when one has died that it waits for. */
  #lookForDead({ generation, isMember }: Arrival): void {
    const words = this.#words;
    for (let looks = Math.min(LOOKS, words.length - FIRST); looks > 0; looks--) {
      this.#asked = this.#asked + 1 < words.length ? this.#asked + 1 : FIRST;
      if (!isMissing(words, this.#asked, generation, isMember, this.#agent.hasEnded)) continue;
      if (!breakUp(words, generation)) return;
      publishLater(LOCK_ABANDONED, this.#message());
      this.#wakeAll();
      return;
    }
  }

  #wakeAll(): void {
    Atomics.add(this.#words, CALLS, 1);
    const paused = this.#attachment.pause();
    this.#sleeping.wake(this.#bed, CALLS, ALL);
    this.#waits.ring();
    if (paused) this.#attachment.resume();
  }

  #message(): LockMessage {
    const { lock, buffer, byteOffset } = this.handle;
    return { kind: lock, buffer, byteOffset };
  }
}

/** How a wait is over; null: it is not. */
function unlessWaiting(outcome: Outcome): Outcome | null {
  return outcome === Outcome.Waiting ? null : outcome;
}

function brokenBarrier(): RseqSliceError {
  return new RseqSliceError(
    'ERR_RSEQ_BROKEN_BARRIER',
    'The Barrier is broken: another party timed out, was aborted or has ended, or it was reset meanwhile. When it is clear who comes again, reset() makes it as new.',
  );
}

/** Nobody could be the one who gets 0. */
function noParties(): RseqSliceError {
  return new RseqSliceError(
    'ERR_RSEQ_BROKEN_BARRIER',
    'The Barrier has 0 parties: all were dropped, and reset() does not bring them back. Make a new Barrier for those who come now.',
  );
}
