// SPDX-License-Identifier: MIT
/**
 * The words of an exclusive lock, against a model that keeps sets instead of
 * counts: agents take turns in one thread, one whole operation at a time. What
 * happens between the single steps is for the explorer's models.
 *
 * @portable
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerCall,
  answerListeners,
  arrive,
  AWAITED,
  awaitHolder,
  BELL,
  BYPASS,
  call,
  CALLS,
  callsOf,
  chooseNext,
  countWaiters,
  depart,
  EVENT_LOOP_LEASE,
  EVENT_LOOPS,
  FREE,
  hasWaiters,
  holderOf,
  isGateClosed,
  isHeld,
  isListening,
  LEASE,
  listen,
  LISTENING,
  markCalled,
  MOST_WAITERS,
  openIfStuck,
  overtakingBound,
  presentCalls,
  QUEUE,
  readBell,
  releaseFast,
  releaseTo,
  RESERVED,
  RESERVED_SINCE,
  ring,
  showWaiters,
  Standing,
  standing,
  STATE,
  take,
  TURN,
  TURNSTILE_WORDS,
  unreserve,
  WAITERS,
  WANTED,
} from '../../../../lib/locks/engine/turnstile.ts';

// The layout of the queue, said once more.
const BATCHES = 512;
const BATCH_SHIFT = 22;
const CALLED = 1 << 20;
const GATE = 1 << 21;

function create(batch = 0): Int32Array {
  const words = new Int32Array(
    new SharedArrayBuffer(TURNSTILE_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );
  words[QUEUE] = batch << BATCH_SHIFT;
  return words;
}

const stateOf = (words: Int32Array): number => words[STATE] ?? 0;
const insideOf = (words: Int32Array): number => (words[QUEUE] ?? 0) & 0x3ff;
const outsideOf = (words: Int32Array): number => ((words[QUEUE] ?? 0) >>> 10) & 0x3ff;
const batchOf = (words: Int32Array): number => (words[QUEUE] ?? 0) >>> BATCH_SHIFT;
const isCalled = (words: Int32Array): boolean => ((words[QUEUE] ?? 0) & CALLED) !== 0;

/** A clock that stands still. */
const at = (ms: number) => () => ms;

/** Where clocks of 32 bits begin: some of them wrap before long. */
const MOMENTS = [0, 77, 0x7fff_ffff - 100, -0x8000_0000, -100] as const;

/** A lock held by agent 9, with the gate closed upon so many who wait. */
function createClosed(inside: number, batch = 0, moment = 0): Int32Array {
  const words = create(batch);
  expect(take(words, FREE, 9, false)).toBe(true);
  for (let i = 0; i < inside; i++) arrive(words);
  showWaiters(words);
  expect(chooseNext(words, 1, at(moment))).toBe(RESERVED);
  return words;
}

/** What one does who has not lined up: while the gate is closed, a free lock is not for it. */
function tryTake(words: Int32Array, agent: number): boolean {
  const seen = stateOf(words);
  return !isHeld(seen) && !isGateClosed(words) && take(words, seen, agent, false);
}

describe('the state', () => {
  it('tells the holder, and whether anybody waits', () => {
    expect([FREE, RESERVED, WANTED].map(isHeld)).toEqual([false, false, false]);
    expect([1, 77, 1 | AWAITED].map(isHeld)).toEqual([true, true, true]);
    expect(holderOf(77)).toBe(77);
    expect(holderOf(77 | AWAITED)).toBe(77);
  });

  it.each([
    ['free, by a newcomer', FREE, false, 5],
    ['free, by one in line', FREE, true, 5 | AWAITED],
    ['wanted, by a newcomer', WANTED, false, 5 | AWAITED],
    ['wanted, by one in line', WANTED, true, 5 | AWAITED],
    ['reserved, by a newcomer', RESERVED, false, 5 | AWAITED],
    ['reserved, by one in line', RESERVED, true, 5 | AWAITED],
    ['held by a dead thread, by a newcomer', 6, false, 5 | AWAITED],
    ['held by a dead thread, and waited for', 6 | AWAITED, true, 5 | AWAITED],
  ])('take: %s', (_, before, isLinedUp, after) => {
    const words = create();
    words[STATE] = before;
    expect(take(words, before, 5, isLinedUp)).toBe(true);
    expect(stateOf(words)).toBe(after);
  });

  it('is taken only as it was seen', () => {
    const states = [FREE, RESERVED, WANTED, 6, 6 | AWAITED, 7];
    for (const state of states) {
      for (const seen of states) {
        if (seen === state) continue;
        for (const isLinedUp of [false, true]) {
          const words = create();
          words[STATE] = state;
          expect(take(words, seen, 5, isLinedUp)).toBe(false);
          expect(stateOf(words)).toBe(state);
        }
      }
    }
  });

  it('is released in one step only when nobody waits', () => {
    const words = create();
    take(words, FREE, 5, false);
    expect(releaseFast(words, 6)).toBe(false);
    expect(releaseFast(words, 5)).toBe(true);
    expect(stateOf(words)).toBe(FREE);
    take(words, FREE, 5, false);
    expect(showWaiters(words)).toBe(false);
    expect(releaseFast(words, 5)).toBe(false);
    expect(stateOf(words)).toBe(5 | AWAITED);
  });

  it.each([
    ['free', FREE, WANTED, true],
    ['wanted', WANTED, WANTED, true],
    ['reserved', RESERVED, RESERVED, true],
    ['held', 6, 6 | AWAITED, false],
    ['held and waited for', 6 | AWAITED, 6 | AWAITED, false],
  ])('showWaiters: %s', (_, before, after, isFree) => {
    const words = create();
    words[STATE] = before;
    expect(showWaiters(words)).toBe(isFree);
    expect(stateOf(words)).toBe(after);
  });

  it.each([
    ['held', 6, 6, 6 | AWAITED, true],
    ['held and waited for', 6 | AWAITED, 6 | AWAITED, 6 | AWAITED, true],
    ['held by another one by now', 6, 7, 7, false],
    ['free by now', 6, FREE, FREE, false],
  ])('awaitHolder: %s', (_, seen, before, after, isShown) => {
    const words = create();
    words[STATE] = before;
    expect(awaitHolder(words, seen)).toBe(isShown);
    expect(stateOf(words)).toBe(after);
  });

  it.each([
    ['reserved, the gate open', 0, RESERVED, FREE],
    ['reserved, the gate closed', GATE | 1, RESERVED, RESERVED],
    ['wanted', 0, WANTED, WANTED],
    ['held', 0, 6, 6],
  ])('unreserve: %s', (_, queue, before, after) => {
    const words = create();
    words[QUEUE] = queue;
    words[STATE] = before;
    unreserve(words);
    expect(stateOf(words)).toBe(after);
  });
});

describe('the gate', () => {
  it('stays open while nobody waits, however often the lock is released', () => {
    const words = create();
    for (let i = 0; i < 10; i++) expect(chooseNext(words, 1, at(0))).toBe(FREE);
    expect(words[BYPASS]).toBe(0);
    expect(isGateClosed(words)).toBe(false);
  });

  it.each([1, 2, 7, 1024])('closes after %i releases with somebody inside', (limit) => {
    const words = create();
    arrive(words);
    for (let i = 1; i < limit; i++) expect(chooseNext(words, limit, at(0))).toBe(WANTED);
    expect(isGateClosed(words)).toBe(false);
    expect(chooseNext(words, limit, at(0))).toBe(RESERVED);
    expect(isGateClosed(words)).toBe(true);
    expect(words[BYPASS]).toBe(0);
    expect(chooseNext(words, limit, at(0))).toBe(RESERVED);
  });

  it('closes after some time when sections are long, which every eighth release looks at', () => {
    const words = create();
    arrive(words);
    words[RESERVED_SINCE] = 1000;
    const at = (now: number): number => chooseNext(words, 1024, () => now);
    for (let i = 1; i < 8; i++) expect(at(1000 + 10 * TURN)).toBe(WANTED);
    expect(at(1000 + TURN)).toBe(WANTED);
    for (let i = 1; i < 8; i++) expect(at(1000 + 10 * TURN)).toBe(WANTED);
    expect([at(1000 + TURN + 1), isGateClosed(words), words[RESERVED_SINCE]]).toEqual([
      RESERVED,
      true,
      1000 + TURN + 1,
    ]);
  });

  it('counts on after a release with nobody inside', () => {
    const words = create();
    const batch = arrive(words);
    expect(chooseNext(words, 3, at(0))).toBe(WANTED);
    depart(words, batch);
    expect(chooseNext(words, 3, at(0))).toBe(FREE);
    arrive(words);
    expect(chooseNext(words, 3, at(0))).toBe(WANTED);
    expect(chooseNext(words, 3, at(0))).toBe(RESERVED);
  });

  it('opens when the last of those inside has left', () => {
    const words = createClosed(2);
    const outside = arrive(words);
    expect([standing(words, 0), standing(words, outside)]).toEqual([
      Standing.Inside,
      Standing.Outside,
    ]);
    expect([insideOf(words), outsideOf(words)]).toEqual([2, 1]);
    expect(depart(words, 0)).toBe(false);
    expect(standing(words, outside)).toBe(Standing.Outside);
    expect(depart(words, 0)).toBe(true);
    expect(isGateClosed(words)).toBe(false);
    expect(standing(words, outside)).toBe(Standing.Inside);
    expect([insideOf(words), outsideOf(words)]).toEqual([1, 0]);
  });

  it('closes upon those who were outside, in their turn', () => {
    const words = createClosed(1);
    const outside = arrive(words);
    expect(depart(words, 0)).toBe(true);
    expect(chooseNext(words, 1, at(0))).toBe(RESERVED);
    expect(standing(words, outside)).toBe(Standing.Inside);
    expect(standing(words, arrive(words))).toBe(Standing.Outside);
  });

  it.each(MOMENTS)(
    'is a lease from each release on, and anybody may open it afterwards: at %i',
    (moment) => {
      const words = createClosed(3, 0, moment);
      const outside = arrive(words);
      arrive(words);
      expect(words[RESERVED_SINCE]).toBe(moment);
      expect([0, 1, LEASE].map((ms) => openIfStuck(words, (moment + ms) | 0))).toEqual([
        false,
        false,
        false,
      ]);
      // Another one had the lock meanwhile: the time begins again.
      const later = (moment + LEASE) | 0;
      expect(chooseNext(words, 1, at(later))).toBe(RESERVED);
      expect(words[RESERVED_SINCE]).toBe(later);
      expect(openIfStuck(words, (later + LEASE) | 0)).toBe(false);
      expect(isGateClosed(words)).toBe(true);
      expect(openIfStuck(words, (later + LEASE + 1) | 0)).toBe(true);
      expect(isGateClosed(words)).toBe(false);
      expect([insideOf(words), outsideOf(words)]).toEqual([2, 0]);
      expect([standing(words, 0), standing(words, outside)]).toEqual([
        Standing.Forgotten,
        Standing.Inside,
      ]);
      expect(openIfStuck(words, (later + 2 * LEASE) | 0)).toBe(false);
    },
  );

  it('is a short lease when all of those inside are event loops', () => {
    expect(EVENT_LOOP_LEASE).toBeLessThan(LEASE);
    const words = createClosed(2);
    words[EVENT_LOOPS] = 1;
    expect(openIfStuck(words, LEASE)).toBe(false);
    words[EVENT_LOOPS] = 2;
    expect(openIfStuck(words, EVENT_LOOP_LEASE)).toBe(false);
    expect(openIfStuck(words, EVENT_LOOP_LEASE + 1)).toBe(true);
  });

  it('is not stuck while it is open, however long', () => {
    const words = create();
    arrive(words);
    words[RESERVED_SINCE] = 0;
    const before = [...words];
    expect(openIfStuck(words, 1e6)).toBe(false);
    expect([...words]).toEqual(before);
  });

  it('asks for the time only when it is reserved', () => {
    const words = create();
    const never = (): number => {
      throw new Error('asked');
    };
    expect(chooseNext(words, 1, never)).toBe(FREE);
    arrive(words);
    expect(chooseNext(words, 2, never)).toBe(WANTED);
    expect(() => chooseNext(words, 2, never)).toThrow('asked');
  });

  it('does not count those down who were forgotten', () => {
    const words = createClosed(1);
    const outside = arrive(words);
    expect(openIfStuck(words, LEASE + 1)).toBe(true);
    expect(depart(words, 0)).toBe(false);
    expect(insideOf(words)).toBe(1);
    depart(words, outside);
    // Nor does a count go below nobody.
    depart(words, outside);
    expect(hasWaiters(words)).toBe(false);
    expect(words[QUEUE]).toBe(1 << BATCH_SHIFT);
  });

  it('opens more often than its batches have numbers', () => {
    const words = create();
    let batch = arrive(words);
    for (let turn = 1; turn <= 3 * BATCHES; turn++) {
      expect(chooseNext(words, 1, at(0))).toBe(RESERVED);
      const next = arrive(words);
      expect(next).toBe(turn % BATCHES);
      expect([standing(words, batch), standing(words, next)]).toEqual([
        Standing.Inside,
        Standing.Outside,
      ]);
      expect(presentCalls(words)).toBe(CALLS + (batch & 1));
      expect(depart(words, batch)).toBe(true);
      expect(standing(words, next)).toBe(Standing.Inside);
      expect(standing(words, batch)).toBe(Standing.Forgotten);
      batch = next;
    }
    expect(stateOf(words)).toBe(FREE);
  });
});

describe('the line', () => {
  it('has room for so many inside, and for as many outside', () => {
    const words = create(BATCHES - 1);
    for (let i = 0; i < MOST_WAITERS; i++) expect(arrive(words)).toBe(BATCHES - 1);
    const full = words[QUEUE];
    expect(arrive(words)).toBe(-1);
    expect(words[QUEUE]).toBe(full);
    expect(isGateClosed(words)).toBe(false);
    depart(words, BATCHES - 1);
    expect(arrive(words)).toBe(BATCHES - 1);

    expect(chooseNext(words, 1, at(0))).toBe(RESERVED);
    for (let i = 0; i < MOST_WAITERS; i++) expect(arrive(words)).toBe(0);
    expect(arrive(words)).toBe(-1);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([
      MOST_WAITERS,
      MOST_WAITERS,
      BATCHES - 1,
    ]);
    depart(words, 0);
    expect(outsideOf(words)).toBe(MOST_WAITERS - 1);
    expect(countWaiters(words)).toBe(2 * MOST_WAITERS - 1);
    expect(WAITERS).toBe((1 << 20) - 1);
  });

  it('calls one at a time, on the word of those inside', () => {
    const words = create(4);
    expect(markCalled(words)).toBe(-1);
    arrive(words);
    expect(markCalled(words)).toBe(callsOf(4));
    expect(markCalled(words)).toBe(-1);
    const before = words[CALLS];
    call(words, callsOf(4));
    expect(words[CALLS]).toBe((before ?? 0) + 1);
    answerCall(words);
    expect(markCalled(words)).toBe(CALLS);
    // Whoever leaves has been heard of, too.
    arrive(words);
    depart(words, 4);
    expect(markCalled(words)).toBe(CALLS);
  });

  it('sleeps on two words by turns', () => {
    expect(callsOf(0)).not.toBe(callsOf(1));
    expect(callsOf(2)).toBe(callsOf(0));
    expect(callsOf(BATCHES - 1)).toBe(callsOf(1));
    const words = [
      STATE,
      QUEUE,
      callsOf(0),
      callsOf(1),
      BYPASS,
      BELL,
      LISTENING,
      EVENT_LOOPS,
      RESERVED_SINCE,
    ];
    expect(new Set(words).size).toBe(words.length);
  });

  it('says the bound', () => {
    expect(overtakingBound(1024, 4)).toBe(1032);
  });
});

describe('the bell', () => {
  it('is rung for those who listen, once', () => {
    const words = create();
    expect([isListening(words), readBell(words)]).toEqual([false, 0]);
    listen(words);
    listen(words);
    expect(isListening(words)).toBe(true);
    answerListeners(words);
    ring(words);
    expect([isListening(words), readBell(words)]).toEqual([false, 1]);
    listen(words);
    expect([isListening(words), readBell(words)]).toEqual([true, 1]);
  });

  it('goes on when its number wraps', () => {
    const words = create();
    words[BELL] = 0x7fff_ffff;
    const before = readBell(words);
    ring(words);
    expect(readBell(words)).not.toBe(before);
  });

  /**
   * An event loop that is about to sleep and a release, one step at a time; whether it sleeps
   * although the lock is free.
   */
  function sleepsOn(
    order: readonly ('loop' | 'release')[],
    listening: readonly ('read' | 'listen' | 'look' | 'sleep')[],
  ): boolean {
    const words = create();
    words[STATE] = 9;
    let bell = 0;
    let sawIt = false;
    let sleeps = false;
    let isCalled = false;
    const doStep = {
      read: () => (bell = readBell(words)),
      listen: () => {
        listen(words);
      },
      look: () => (sawIt = !isHeld(stateOf(words))),
      sleep: () => (sleeps = !sawIt && readBell(words) === bell),
    };
    const loop = listening.map((step) => doStep[step]);
    const release = [
      () => {
        releaseTo(words, WANTED);
      },
      () => (isCalled = isListening(words)),
      () => {
        if (isCalled) answerListeners(words);
      },
      () => {
        if (isCalled) ring(words);
      },
      // Wakes whoever sleeps by now.
      () => {
        if (isCalled) sleeps = false;
      },
    ];
    for (const who of order) (who === 'loop' ? loop : release).shift()?.();
    return sleeps;
  }

  /** All orders of so many steps of each. */
  function* ordersOf(loops: number, releases: number): Generator<('loop' | 'release')[]> {
    if (loops + releases === 0) yield [];
    if (loops > 0) for (const rest of ordersOf(loops - 1, releases)) yield ['loop', ...rest];
    if (releases > 0) for (const rest of ordersOf(loops, releases - 1)) yield ['release', ...rest];
  }

  it('is heard in whichever order a release and an event loop meet', () => {
    const orders = [...ordersOf(4, 5)];
    expect(orders).toHaveLength(126);
    expect(orders.filter((order) => sleepsOn(order, ['read', 'listen', 'look', 'sleep']))).toEqual(
      [],
    );
    // In another order it is not.
    for (const wrong of [
      ['read', 'look', 'listen', 'sleep'],
      ['listen', 'look', 'read', 'sleep'],
    ] as const) {
      expect(orders.some((order) => sleepsOn(order, wrong))).toBe(true);
    }
  });
});

const OPERATIONS = [
  'arrive',
  'tryTake',
  'takeTurn',
  'giveUp',
  'release',
  'answer',
  'call',
  'show',
  'pause',
  'longPause',
  'open',
  'die',
] as const;
type Operation = (typeof OPERATIONS)[number];

/** What an agent of the model is doing. */
interface Agent {
  readonly id: number;
  readonly isEventLoop: boolean;
  waits: 'inside' | 'outside' | 'forgotten' | null;
  /** What `arrive` returned. */
  batch: number;
  /** Others that took the lock since it lined up. */
  overtaken: number;
}

interface World {
  readonly limit: number;
  readonly batch: number;
  readonly began: number;
}

/** What the words should be, kept in another way. */
class Model {
  readonly agents: readonly Agent[];
  readonly limit: number;
  holder: Agent | null = null;
  /** When nobody holds it. */
  free: 'free' | 'wanted' | 'reserved' = 'free';
  isAwaited = false;
  isClosed = false;
  isCalled = false;
  bypass = 0;
  batch: number;
  deadInside = 0;
  deadOutside = 0;
  calls = 0;
  /** Those in the line, the dead and the forgotten included. */
  eventLoops = 0;
  /** ms since the beginning; it does not wrap. */
  now = 0;
  reservedAt = 0;
  readonly #began: number;

  constructor(count: number, { limit, batch, began }: World) {
    this.agents = Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      isEventLoop: index % 2 === 1,
      waits: null,
      batch: 0,
      overtaken: 0,
    }));
    this.limit = limit;
    this.batch = batch;
    this.#began = began;
  }

  /** What the lock's clock says. */
  readonly clock = (): number => (this.#began + this.now) | 0;

  get inside(): number {
    return this.#count('inside') + this.deadInside;
  }

  get outside(): number {
    return this.#count('outside') + this.deadOutside;
  }

  get state(): number {
    if (this.holder !== null) return this.holder.id | (this.isAwaited ? AWAITED : 0);
    return { free: FREE, wanted: WANTED, reserved: RESERVED }[this.free];
  }

  take(agent: Agent): void {
    this.holder = agent;
    for (const other of this.agents) if (other !== agent && other.waits !== null) other.overtaken++;
  }

  leave(agent: Agent): boolean {
    this.isCalled = false;
    if (agent.isEventLoop) this.eventLoops--;
    agent.waits = null;
    const opens = this.isClosed && this.inside === 0;
    if (opens) this.open();
    return opens;
  }

  open(): void {
    this.isClosed = false;
    this.isCalled = false;
    this.batch = (this.batch + 1) % BATCHES;
    this.deadInside = this.deadOutside;
    this.deadOutside = 0;
    for (const agent of this.agents) {
      if (agent.waits === 'inside') agent.waits = 'forgotten';
      if (agent.waits === 'outside') agent.waits = 'inside';
    }
  }

  #count(where: Agent['waits']): number {
    return this.agents.filter(({ waits }) => waits === where).length;
  }
}

/** Does one operation to both, unless it makes no sense for the agent. Whether it did. */
function apply(words: Int32Array, model: Model, agent: Agent, operation: Operation): boolean {
  const isHolder = model.holder === agent;
  switch (operation) {
    case 'arrive': {
      if (isHolder || agent.waits === 'inside' || agent.waits === 'outside') return false;
      if (agent.waits === null) {
        agent.overtaken = 0;
        if (agent.isEventLoop) {
          Atomics.add(words, EVENT_LOOPS, 1);
          model.eventLoops++;
        }
      }
      agent.waits = model.isClosed ? 'outside' : 'inside';
      agent.batch = arrive(words);
      expect(agent.batch).toBe((model.batch + (model.isClosed ? 1 : 0)) % BATCHES);
      // As part of one operation: before that nobody could know of it.
      return apply(words, model, agent, 'show');
    }
    case 'show': {
      const isFree = model.holder === null;
      expect(showWaiters(words)).toBe(isFree);
      if (!isFree) model.isAwaited = true;
      else if (model.free === 'free') model.free = 'wanted';
      return true;
    }
    case 'tryTake': {
      if (agent.waits !== null || isHolder) return false;
      const isTaken = model.holder === null && !model.isClosed;
      expect(tryTake(words, agent.id)).toBe(isTaken);
      if (!isTaken) return true;
      model.isAwaited = model.free !== 'free';
      model.take(agent);
      return true;
    }
    case 'takeTurn': {
      if (agent.waits !== 'inside' || model.holder !== null) return false;
      expect(standing(words, agent.batch)).toBe(Standing.Inside);
      expect(take(words, stateOf(words), agent.id, true)).toBe(true);
      model.isAwaited = true;
      model.take(agent);
      expect(leaveLine(words, agent)).toBe(model.leave(agent));
      return true;
    }
    case 'giveUp': {
      if (agent.waits === null) return false;
      expect(leaveLine(words, agent)).toBe(model.leave(agent));
      unreserve(words);
      if (model.holder === null && model.free === 'reserved' && !model.isClosed)
        model.free = 'free';
      if (!hasWaiters(words)) return true;
      return apply(words, model, agent, 'show');
    }
    case 'release': {
      if (!isHolder) {
        expect(releaseFast(words, agent.id)).toBe(false);
        return false;
      }
      model.holder = null;
      expect(releaseFast(words, agent.id)).toBe(!model.isAwaited);
      model.free = 'free';
      if (!model.isAwaited) return true;
      if (model.isClosed) model.free = 'reserved';
      else if (model.inside > 0) {
        model.bypass++;
        model.free = model.bypass < model.limit ? 'wanted' : 'reserved';
        if (model.free === 'reserved') {
          model.isClosed = true;
          model.bypass = 0;
        }
      }
      if (model.free === 'reserved') model.reservedAt = model.now;
      releaseTo(words, chooseNext(words, model.limit, model.clock));
      return true;
    }
    case 'answer':
      answerCall(words);
      model.isCalled = false;
      return true;
    case 'call': {
      const isDue = model.inside > 0 && !model.isCalled;
      expect(markCalled(words)).toBe(isDue ? presentCalls(words) : -1);
      if (isDue) {
        call(words, presentCalls(words));
        model.isCalled = true;
        model.calls++;
      }
      return true;
    }
    case 'pause':
      model.now += EVENT_LOOP_LEASE + 1;
      return true;
    case 'longPause':
      model.now += LEASE + 1;
      return true;
    case 'open': {
      const lease = model.inside <= model.eventLoops ? EVENT_LOOP_LEASE : LEASE;
      const isStuck = model.isClosed && model.now - model.reservedAt > lease;
      expect(openIfStuck(words, model.clock())).toBe(isStuck);
      if (isStuck) model.open();
      return isStuck;
    }
    case 'die':
      // Its count stays behind.
      if (agent.waits === 'inside') model.deadInside++;
      else if (agent.waits === 'outside') model.deadOutside++;
      else return false;
      agent.waits = null;
      return true;
  }
}

function leaveLine(words: Int32Array, { batch, isEventLoop }: Agent): boolean {
  if (isEventLoop) Atomics.sub(words, EVENT_LOOPS, 1);
  return depart(words, batch);
}

const WAITS = {
  inside: Standing.Inside,
  outside: Standing.Outside,
  forgotten: Standing.Forgotten,
} as const;

function compare(words: Int32Array, model: Model): void {
  const found = {
    state: stateOf(words),
    inside: insideOf(words),
    outside: outsideOf(words),
    closed: isGateClosed(words),
    called: isCalled(words),
    batch: batchOf(words),
    bypass: words[BYPASS],
    calls: (words[CALLS] ?? 0) + (words[CALLS + 1] ?? 0),
    waiters: hasWaiters(words),
    count: countWaiters(words),
    eventLoops: words[EVENT_LOOPS],
    standings: model.agents.map(({ waits, batch }) =>
      waits === null ? null : standing(words, batch),
    ),
  };
  const wanted = {
    state: model.state,
    inside: model.inside,
    outside: model.outside,
    closed: model.isClosed,
    called: model.isCalled,
    batch: model.batch,
    bypass: model.bypass,
    calls: model.calls,
    waiters: model.inside + model.outside > 0,
    count: model.inside + model.outside,
    eventLoops: model.eventLoops,
    standings: model.agents.map(({ waits }) => (waits === null ? null : WAITS[waits])),
  };
  // Asked some ten thousand times: an assertion that passes costs more than this.
  if (!isDeepStrictEqual(found, wanted)) expect(found).toEqual(wanted);
}

const AGENTS = 4;
const anyWorld: fc.Arbitrary<World> = fc.record({
  limit: fc.integer({ min: 1, max: 4 }),
  batch: fc.constantFrom(0, 1, BATCHES - 2, BATCHES - 1),
  began: fc.constantFrom(...MOMENTS),
});
const anySteps = (operations: readonly Operation[]) =>
  fc.array(fc.tuple(fc.nat({ max: AGENTS - 1 }), fc.constantFrom(...operations)), {
    minLength: 40,
    maxLength: 200,
    size: 'max',
  });

describe('agents that take turns', () => {
  it('leave the words as the model says', () => {
    const done = new Map<string, number>();
    const count = (what: string): void => {
      done.set(what, (done.get(what) ?? 0) + 1);
    };
    fc.assert(
      fc.property(anyWorld, anySteps(OPERATIONS), (world, steps) => {
        const words = create(world.batch);
        const model = new Model(AGENTS, world);
        for (const [index, operation] of steps) {
          const agent = model.agents[index];
          if (agent === undefined) continue;
          const { isClosed, batch: before } = model;
          if (apply(words, model, agent, operation)) count(operation);
          if (operation === 'open' && isClosed && !model.isClosed)
            count(
              model.now - model.reservedAt > LEASE
                ? 'it was stuck'
                : 'it was stuck for event loops',
            );
          if (!isClosed && model.isClosed) count('the gate closes');
          if (model.batch !== before) count('the gate opens');
          if (model.batch < before) count('the batches begin again');
          compare(words, model);
        }
      }),
      { numRuns: 500 },
    );
    // It did not pass for want of anything to do.
    const wanted = [
      ...OPERATIONS.filter((operation) => operation !== 'show'),
      'it was stuck',
      'it was stuck for event loops',
      'the gate closes',
      'the gate opens',
      'the batches begin again',
    ];
    expect(wanted.filter((what) => (done.get(what) ?? 0) < 5)).toEqual([]);
  });

  it('are overtaken no more often than the bound says', () => {
    let most = 0;
    fc.assert(
      fc.property(
        anyWorld,
        anySteps([
          'arrive',
          'tryTake',
          'tryTake',
          'tryTake',
          'takeTurn',
          'giveUp',
          'release',
          'release',
          'release',
        ]),
        (world, steps) => {
          const words = create(world.batch);
          const model = new Model(AGENTS, world);
          for (const [index, operation] of steps) {
            const agent = model.agents[index];
            if (agent === undefined) continue;
            apply(words, model, agent, operation);
            for (const { overtaken } of model.agents) {
              most = Math.max(most, overtaken);
              if (overtaken > overtakingBound(world.limit, AGENTS))
                expect.fail(`overtaken ${overtaken} times`);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(most).toBeGreaterThan(2);
  });

  it('can always go on when everybody who waits does so', () => {
    fc.assert(
      fc.property(
        anyWorld,
        anySteps(['arrive', 'tryTake', 'takeTurn', 'giveUp', 'release', 'show', 'answer', 'call']),
        (world, steps) => {
          const words = create(world.batch);
          const model = new Model(AGENTS, world);
          for (const [index, operation] of steps) {
            const agent = model.agents[index];
            if (agent !== undefined) apply(words, model, agent, operation);
          }
          for (let turn = 0; turn < 2 * AGENTS; turn++) {
            if (model.holder !== null) apply(words, model, model.holder, 'release');
            const next = model.agents.find(({ waits }) => waits === 'inside');
            if (next !== undefined) expect(apply(words, model, next, 'takeTurn')).toBe(true);
          }
          expect(model.agents.filter(({ waits }) => waits !== null)).toEqual([]);
          // Nobody waits any more: whoever comes finds it free, and it is as cheap as ever once it
          // was released.
          const [agent] = model.agents;
          if (agent === undefined) return;
          expect(apply(words, model, agent, 'tryTake') && model.holder === agent).toBe(true);
          apply(words, model, agent, 'release');
          expect(stateOf(words)).toBe(FREE);
          expect(hasWaiters(words)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});
