// SPDX-License-Identifier: MIT
/**
 * The words that every lock begins with and everything that is done to them, as
 * functions over an Int32Array: how an exclusive lock is taken, how waiters line
 * up, who may come next. Each function changes one word, or loops until its one
 * change is made, so the explorer's models call the very same functions as their
 * steps. Who spins, who sleeps and for how long is not decided here.
 *
 * `STATE` says who holds the lock. `QUEUE` counts who waits, in one of two
 * places: whoever comes when nobody is inside is inside, and those who come while
 * some are, stand outside; when the last of those inside has had the lock, or has
 * given up, those outside are inside. While the gate is open that makes no
 * difference: anybody may take a free lock, also without ever having waited. That
 * is fast, and unfair. So now and then there is a turn: a release closes the gate,
 * the lock is reserved for those inside, and the first of them to take it opens
 * the gate. So a waiter gets the lock by right after {@link turnsBound} turns at
 * most.
 *
 * Those inside may be dead, or sleep in an event loop that is busy with
 * something else. So a reservation is a lease: when nobody has taken the lock
 * for that long, anybody may open the gate ({@link openIfStuck}). The gate is
 * about fairness only, so that is always safe.
 *
 * Who waits in an event loop is counted in the line like everybody else, but
 * sleeps on a word of its own, the bell. All of them are rung when a thread is
 * called, beside that one: nobody's turn is spent on an event loop that does not
 * come round.
 */
import { since } from '../../clock.ts';

/** What kind of lock this is; zero before its first use. Owned by `layout.ts`. */
export const KIND = 0;
/** Who holds it: an agent's id, `FREE` or `RESERVED`. */
export const STATE = 1;
/** Who waits: counts and flags, see below. */
export const QUEUE = 2;
/**
 * Waiters sleep on one of two words, those of even batches on the first. Counted up at every call.
 */
export const CALLS = 3;
/**
 * How often it was released with someone inside since a release looked at the clock. Only how soon
 * a turn comes depends on it, so nobody minds if two who count it at once count one.
 */
export const BYPASS = 5;
/** Event loops sleep on it. Counted up when they are rung. */
export const BELL = 6;
/**
 * What observers call this lock, the same in every thread; 0 until one does. The locks themselves
 * do not look at it.
 */
export const RECORDED_AS = 7;
/** How many threads sleep in the engine and not in the kernel: they hear `Atomics.notify` only. */
export const ENGINE_SLEEPERS = 8;
/** 1: an event loop is about to sleep, or sleeps, and was not rung since. */
export const LISTENING = 9;
/**
 * How many of those in the line are event loops, and above that how often all of them were
 * forgotten. Those of the dead stay counted until then: it decides about leases only.
 */
export const EVENT_LOOPS = 10;
/**
 * When the gate closed last, or the lock was released with it closed, on the clock of `clock.ts`.
 */
export const RESERVED_SINCE = 11;
/**
 * How it is held: 0 without a token, or the number of the token; {@link FOUND_DEAD}, or the number
 * with a minus, if the holder took it from one who had died with it. Written by the holder only.
 */
export const HOLD = 12;
/** The last number that a token got. Written by the holder only. */
export const HOLDS = 13;
/** In `HOLD`: held without a token, and the one who held it before died with it. */
export const FOUND_DEAD = -0x4000_0000;
/** The first word that belongs to a kind of lock. */
export const OWN = 14;
/** Words of an exclusive lock: a cache line. */
export const TURNSTILE_WORDS = 16;

/**
 * Nobody holds it, and nobody waits, or someone who was called looks soon: the only state from
 * which it is taken in one step.
 */
export const FREE = 0;
/** Nobody holds it, and only those inside may take it. */
export const RESERVED = -1;
/** Nobody holds it, and someone waits. Anybody may take it, and says so to those who release. */
export const WANTED = -2;
/** Beside the holder's id: someone waits, so releasing takes more than one step. */
export const AWAITED: number = 1 << 30;

// The queue: ten bits of waiters inside, ten of waiters outside, flags, nine bits that count how
// often the gate opened.
const INSIDE_ONE = 1;
const INSIDE = 0x3ff;
const OUTSIDE_SHIFT = 10;
const OUTSIDE_ONE = 1 << OUTSIDE_SHIFT;
const OUTSIDE = INSIDE << OUTSIDE_SHIFT;
/**
 * Someone was called, and has neither got in nor gone back to sleep: no need to call another one.
 */
const CALLED = 1 << 20;
const GATE = 1 << 21;
const BATCH_SHIFT = 22;
const BATCHES = 1 << 9;
/** Anybody at all. */
export const WAITERS: number = INSIDE | OUTSIDE;
/** How many can be counted inside, and outside. */
export const MOST_WAITERS: number = INSIDE;

/** Where a waiter stands. */
export const Standing = {
  /** May take the lock when it is free, and when it is reserved if the gate is closed. */
  Inside: 0,
  /** Must wait for the gate to open. */
  Outside: 1,
  /** The gate was opened by force: line up again. */
  Forgotten: 2,
} as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/**
 * The most turns that there can be between the moment a waiter has lined up and the lock shows
 * that, and the moment it takes the lock itself: one for each who may be inside when it comes to
 * stand outside, and one for each who may have come there, too, when it is inside.
 * @param threads how many use the lock
 */
export function turnsBound(threads: number): number {
  return 2 * (threads - 1);
}

/** When turns are to come. */
export interface TurnRules {
  /** ms from one to the next. */
  readonly every: number;
  /** Releases with someone inside until the clock is looked at, which costs a tenth of one. */
  readonly looks: number;
}
/** Of all locks whose waiters sleep. */
export const TURNS: TurnRules = { every: 5, looks: 16 };
/** Counted as so many releases when a waiter goes to sleep: the next release looks at the clock. */
const MANY_RELEASES = 1 << 20;

/** ms that a lock stays reserved for threads which do not come to take it. */
export const LEASE = 250;
/** ms that it stays reserved for event loops only. */
export const EVENT_LOOP_LEASE = 10;

// The event loops: a count, and the generation it is of.
const LOOPS = 0xffff;
const GENERATION_SHIFT = 16;
const GENERATION_ONE = 1 << GENERATION_SHIFT;

const batchOf = (queue: number): number => (queue >>> BATCH_SHIFT) & (BATCHES - 1);
/** The batch of those who stand outside. */
const nextBatchOf = (queue: number): number => (batchOf(queue) + 1) % BATCHES;

/** Whether someone has it. */
export function isHeld(state: number): boolean {
  return state > 0;
}

/** Who has it, if it is held. */
export function holderOf(state: number): number {
  return state & ~AWAITED;
}

/** Whether anybody waits, inside or outside. */
export function hasWaiters(words: Int32Array): boolean {
  return (Atomics.load(words, QUEUE) & WAITERS) !== 0;
}

/** How many wait, inside and outside, those who died waiting included. */
export function countWaiters(words: Int32Array): number {
  const queue = Atomics.load(words, QUEUE);
  return (queue & INSIDE) + ((queue & OUTSIDE) >>> OUTSIDE_SHIFT);
}

/** Whether the gate is closed. */
export function isGateClosed(words: Int32Array): boolean {
  return (Atomics.load(words, QUEUE) & GATE) !== 0;
}

/** The same for those who only try, as it was a moment ago: it is about fairness only. */
export function looksClosed(words: Int32Array): boolean {
  return ((words[QUEUE] ?? 0) & GATE) !== 0;
}

/** The word that the waiters of a batch sleep on. */
export function callsOf(batch: number): number {
  return CALLS + (batch & 1);
}

/**
 * Takes a lock that was seen in a state: it is free, or its holder has ended.
 * @param isLinedUp whether the caller waits in the line, and others may
 */
export function take(words: Int32Array, seen: number, agent: number, isLinedUp: boolean): boolean {
  const next = seen === FREE && !isLinedUp ? agent : agent | AWAITED;
  return Atomics.compareExchange(words, STATE, seen, next) === seen;
}

/** Releases the lock if nobody waits. */
export function releaseFast(words: Int32Array, agent: number): boolean {
  return Atomics.compareExchange(words, STATE, agent, FREE) === agent;
}

/** Releases the lock, leaving it as {@link chooseNext} says. */
export function releaseTo(words: Int32Array, next: number): void {
  Atomics.store(words, STATE, next);
}

/**
 * Makes the state show that someone waits, so that nobody takes or releases the lock past those
 * who wait unseen.
 * @returns whether the lock is free.
 */
export function showWaiters(words: Int32Array): boolean {
  for (let state = Atomics.load(words, STATE); ;) {
    if (state === RESERVED || state === WANTED) return true;
    if ((state & AWAITED) !== 0) return false;
    const found = Atomics.compareExchange(
      words,
      STATE,
      state,
      state === FREE ? WANTED : state | AWAITED,
    );
    if (found === state) return state === FREE;
    state = found;
  }
}

/** Makes a state that was seen held show that someone waits. False: it is another one by now. */
export function awaitHolder(words: Int32Array, seen: number): boolean {
  return (
    (seen & AWAITED) !== 0 || Atomics.compareExchange(words, STATE, seen, seen | AWAITED) === seen
  );
}

/**
 * Lines up.
 * @returns the waiter's batch; -1: more wait already than can be counted.
 */
export function arrive(words: Int32Array): number {
  for (let queue = Atomics.load(words, QUEUE); ;) {
    const outside = (queue & INSIDE) !== 0;
    if ((outside ? (queue & OUTSIDE) >>> OUTSIDE_SHIFT : queue & INSIDE) === MOST_WAITERS)
      return -1;
    const found = Atomics.compareExchange(
      words,
      QUEUE,
      queue,
      queue + (outside ? OUTSIDE_ONE : INSIDE_ONE),
    );
    if (found === queue) return outside ? nextBatchOf(queue) : batchOf(queue);
    queue = found;
  }
}

/** Where a waiter of a batch stands now. */
export function standing(words: Int32Array, batch: number): Standing {
  return standingIn(Atomics.load(words, QUEUE), batch);
}

function standingIn(queue: number, batch: number): Standing {
  if (batch === batchOf(queue)) return Standing.Inside;
  if (batch !== nextBatchOf(queue)) return Standing.Forgotten;
  return (queue & GATE) === 0 ? Standing.Inside : Standing.Outside;
}

/**
 * Says that whoever was called goes back to sleep. Everybody about to sleep does
 * this *after* reading the calls and *before* looking at the state: a call that
 * met nobody asleep would otherwise keep the next one from being made.
 */
export function answerCall(words: Int32Array): void {
  if ((Atomics.load(words, QUEUE) & CALLED) !== 0) Atomics.and(words, QUEUE, ~CALLED);
}

/** Makes the next release look whether a turn is due: a waiter found no way in, and sleeps. */
export function hurryTurn(words: Int32Array): void {
  words[BYPASS] = MANY_RELEASES;
}

/**
 * Leaves the line, having taken the lock or given up. If the lock was reserved for those inside and
 * this is one of them, anybody may take it again.
 */
export function depart(words: Int32Array, batch: number): void {
  for (let queue = Atomics.load(words, QUEUE); ;) {
    let next = queue & ~CALLED;
    // A count that is gone already was taken back by force.
    if (batch === batchOf(queue) && (queue & INSIDE) !== 0) next = (next & ~GATE) - INSIDE_ONE;
    if (batch === nextBatchOf(queue) && (queue & OUTSIDE) !== 0) next -= OUTSIDE_ONE;
    if ((next & INSIDE) === 0 && (queue & INSIDE) !== 0) next = opened(next);
    const found = Atomics.compareExchange(words, QUEUE, queue, next);
    if (found === queue) return;
    queue = found;
  }
}

/** The queue with the gate open and those outside inside, as the next batch. */
function opened(queue: number): number {
  return ((queue & OUTSIDE) >>> OUTSIDE_SHIFT) | (nextBatchOf(queue) << BATCH_SHIFT);
}

/**
 * Opens a closed gate although there are still some counted inside, when none
 * of them has taken a lock that is free for longer than they have it reserved.
 * Those of them who are not dead line up again.
 * @param now on the clock of `clock.ts`
 */
export function openIfStuck(words: Int32Array, now: number): boolean {
  const queue = Atomics.load(words, QUEUE);
  if ((queue & GATE) === 0) return false;
  const lease = (queue & INSIDE) <= countEventLoops(words) ? EVENT_LOOP_LEASE : LEASE;
  if (since(Atomics.load(words, RESERVED_SINCE), now) <= lease) return false;
  return Atomics.compareExchange(words, QUEUE, queue, opened(queue)) === queue;
}

/**
 * Forgets all who are counted in a line that is full: most of them must be dead. Those who are not
 * line up again, which costs them their turn, so it is not done twice within a {@link LEASE}.
 * @param now on the clock of `clock.ts`
 */
export function forgetAll(words: Int32Array, now: number): boolean {
  const queue = Atomics.load(words, QUEUE);
  const last = Atomics.load(words, RESERVED_SINCE);
  if (last !== 0 && since(last, now) <= LEASE) return false;
  // Two batches on: those inside and those outside are of an earlier one.
  const next = ((batchOf(queue) + 2) % BATCHES) << BATCH_SHIFT;
  if (Atomics.compareExchange(words, QUEUE, queue, next) !== queue) return false;
  Atomics.store(words, RESERVED_SINCE, now);
  forgetEventLoops(words, Atomics.load(words, EVENT_LOOPS));
  return true;
}

/** How many event loops are counted. */
export function countEventLoops(words: Int32Array): number {
  return Atomics.load(words, EVENT_LOOPS) & LOOPS;
}

/**
 * Counts an event loop that has lined up: before that it could be forgotten as one of nobody's.
 * @returns the generation that it is counted in, for {@link discountEventLoop}
 */
export function countEventLoop(words: Int32Array): number {
  return Atomics.add(words, EVENT_LOOPS, 1) >>> GENERATION_SHIFT;
}

/** Whether an event loop that was counted in a generation still is. */
export function isEventLoopCounted(words: Int32Array, generation: number): boolean {
  return Atomics.load(words, EVENT_LOOPS) >>> GENERATION_SHIFT === generation;
}

/** Counts an event loop no more. */
export function discountEventLoop(words: Int32Array, generation: number): void {
  for (let seen = Atomics.load(words, EVENT_LOOPS); seen >>> GENERATION_SHIFT === generation;) {
    const found = Atomics.compareExchange(words, EVENT_LOOPS, seen, seen - 1);
    if (found === seen) return;
    seen = found;
  }
}

/**
 * Counts event loops anew when nobody waits: what is counted are the dead, and those who are about
 * to line up again.
 */
export function forgetDeadEventLoops(words: Int32Array): void {
  // In this order: who has lined up since is counted since.
  const seen = Atomics.load(words, EVENT_LOOPS);
  if ((seen & LOOPS) !== 0 && !hasWaiters(words)) forgetEventLoops(words, seen);
}

function forgetEventLoops(words: Int32Array, seen: number): void {
  Atomics.compareExchange(words, EVENT_LOOPS, seen, (seen & ~LOOPS) + GENERATION_ONE);
}

/**
 * Counts one more release with someone inside, and closes the gate when a turn is due. Who releases
 * does this before the lock is free.
 *
 * While a thread that was called is on its way, the lock need not show that others wait: that one
 * looks at it when it has answered, and then shows it again. Until then, which is as long as the
 * kernel takes to wake it, the lock is taken and released in one step, and no turn comes. Not so
 * when all inside are event loops, which may be busy for long.
 * @param clock `sharedNow`
 * @returns what the state of an exclusive lock must be when it is released: `FREE` for the time
 * until then; `WANTED` also when nobody waits, see {@link unwant}.
 */
export function chooseNext(words: Int32Array, rules: TurnRules, clock: () => number): number {
  let queue = Atomics.load(words, QUEUE);
  if ((queue & GATE) === 0 && ((queue & INSIDE) === 0 || !isTurnDue(words, rules, clock)))
    return (queue & CALLED) !== 0 && (queue & INSIDE) > countEventLoops(words) ? FREE : WANTED;
  // Before anybody can find the gate closed.
  Atomics.store(words, RESERVED_SINCE, clock());
  while ((queue & GATE) === 0) {
    // Those who were inside have given up meanwhile, and nobody came.
    if ((queue & INSIDE) === 0) return WANTED;
    // Whoever was called may stand outside: someone inside is to be called.
    const found = Atomics.compareExchange(words, QUEUE, queue, (queue | GATE) & ~CALLED);
    if (found === queue) break;
    queue = found;
  }
  return RESERVED;
}

function isTurnDue(words: Int32Array, { every, looks }: TurnRules, clock: () => number): boolean {
  const count = (words[BYPASS] ?? 0) + 1;
  words[BYPASS] = count < looks ? count : 0;
  if (count < looks) return false;
  // Below zero after some weeks without a turn, and as long for a lock that never had one where the
  // clock is.
  return Math.abs(since(Atomics.load(words, RESERVED_SINCE), clock())) > every;
}

/**
 * Makes the lock free when it was left wanted by nobody. Until then whoever has lined up meanwhile
 * is not overtaken unseen.
 */
export function unwant(words: Int32Array): void {
  if (!hasWaiters(words)) Atomics.compareExchange(words, STATE, WANTED, FREE);
}

/** Makes the lock anybody's again when it was left reserved for nobody. */
export function unreserve(words: Int32Array): void {
  if (!isGateClosed(words)) Atomics.compareExchange(words, STATE, RESERVED, FREE);
}

/**
 * Marks someone as called, after the lock was released or a waiter gave up, unless one is on its
 * way already.
 * @returns the word that those inside sleep on, to be counted up by {@link call}; -1: nobody is to
 * be called.
 */
export function markCalled(words: Int32Array): number {
  for (let queue = Atomics.load(words, QUEUE); ;) {
    if ((queue & INSIDE) === 0 || (queue & CALLED) !== 0) return -1;
    const found = Atomics.compareExchange(words, QUEUE, queue, queue | CALLED);
    if (found === queue) return callsOf(batchOf(queue));
    queue = found;
  }
}

/**
 * Who is to be called when nobody sleeps on the word that {@link markCalled} returned: those inside
 * wait in event loops, or are dead.
 * @param word that one
 * @returns the word that those outside sleep on; -1: nobody, or they may not take the lock
 */
export function callsOutside(words: Int32Array, word: number): number {
  const queue = Atomics.load(words, QUEUE);
  return (queue & OUTSIDE) === 0 || (queue & GATE) !== 0 ? -1 : 2 * CALLS + 1 - word;
}

/**
 * Whether someone waits, and nobody is on its way to the lock because it was called.
 */
export function isCallDue(words: Int32Array): boolean {
  const queue = Atomics.load(words, QUEUE);
  return (queue & WAITERS) !== 0 && (queue & CALLED) === 0;
}

/** Makes those about to sleep on a word look again. Whoever sleeps already must be woken. */
export function call(words: Int32Array, word: number): void {
  Atomics.add(words, word, 1);
}

/**
 * What the bell is. An event loop reads it first, then says that it {@link listen}s, then looks at
 * the lock, then sleeps.
 */
export function readBell(words: Int32Array): number {
  return Atomics.load(words, BELL);
}

/** Says that an event loop wants to be rung. */
export function listen(words: Int32Array): void {
  Atomics.store(words, LISTENING, 1);
}

/** Whether an event loop wants to be rung. Whoever frees the lock asks afterwards. */
export function isListening(words: Int32Array): boolean {
  return Atomics.load(words, LISTENING) !== 0;
}

/**
 * Comes before {@link ring}: who listens from now on looks at the lock anew, or finds the bell
 * changed.
 */
export function answerListeners(words: Int32Array): void {
  Atomics.store(words, LISTENING, 0);
}

/** Counts the bell up. The caller then wakes all who sleep on it. */
export function ring(words: Int32Array): void {
  Atomics.add(words, BELL, 1);
}
