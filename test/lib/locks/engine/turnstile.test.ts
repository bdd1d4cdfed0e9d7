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
  callsOutside,
  chooseNext,
  countEventLoop,
  countWaiters,
  depart,
  EVENT_LOOP_LEASE,
  EVENT_LOOPS,
  FREE,
  hasWaiters,
  holderOf,
  hurryTurn,
  isCallDue,
  isGateClosed,
  isHeld,
  isListening,
  LEASE,
  listen,
  LISTENING,
  markCalled,
  MOST_WAITERS,
  openIfStuck,
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
  turnsBound,
  TURNSTILE_WORDS,
  unreserve,
  unwant,
  WAITERS,
  WANTED,
} from '../../../../lib/locks/engine/turnstile.ts';
import type { TurnRules } from '../../../../lib/locks/engine/turnstile.ts';

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

/** Every release looks, and always finds that a turn is due. */
const AT_ONCE: TurnRules = { every: -1, looks: 1 };

/** A lock held by agent 9, with the gate closed upon so many who wait, of whom one is inside. */
function createClosed(waiters: number, batch = 0, moment = 0): Int32Array {
  const words = create(batch);
  expect(take(words, FREE, 9, false)).toBe(true);
  for (let i = 0; i < waiters; i++) arrive(words);
  showWaiters(words);
  words[RESERVED_SINCE] = moment;
  expect(chooseNext(words, AT_ONCE, at(moment))).toBe(RESERVED);
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
    for (let i = 0; i < 10; i++) expect(chooseNext(words, AT_ONCE, at(0))).toBe(WANTED);
    expect(words[BYPASS]).toBe(0);
    expect(isGateClosed(words)).toBe(false);
  });

  it.each([1, 2, 16])(
    'closes when a turn is due, for which every release number %i with someone inside looks',
    (looks) => {
      const words = create();
      arrive(words);
      words[RESERVED_SINCE] = 1000;
      const release = (now: number): number => chooseNext(words, { every: 5, looks }, at(now));
      for (let round = 0; round < 3; round++) {
        // However late it is, and then not late enough.
        for (let i = 1; i < looks; i++) expect(release(9999)).toBe(WANTED);
        expect(release(1005)).toBe(WANTED);
      }
      for (let i = 1; i < looks; i++) expect(release(1006)).toBe(WANTED);
      expect(isGateClosed(words)).toBe(false);
      expect([release(1006), isGateClosed(words), words[RESERVED_SINCE]]).toEqual([
        RESERVED,
        true,
        1006,
      ]);
      expect(words[BYPASS]).toBe(0);
      expect(release(1006)).toBe(RESERVED);
    },
  );

  it('is looked at by the next release when a waiter goes to sleep', () => {
    const words = create();
    arrive(words);
    words[RESERVED_SINCE] = 1000;
    hurryTurn(words);
    const rules = { every: 5, looks: 16 };
    expect(chooseNext(words, rules, at(1005))).toBe(WANTED);
    // It has looked, and found that it was too soon.
    expect(chooseNext(words, rules, at(1006))).toBe(WANTED);
    hurryTurn(words);
    expect(chooseNext(words, rules, at(1006))).toBe(RESERVED);
  });

  it.each([-0x8000_0000, -100, 0x7fff_ffff])(
    'closes also when it never did, or not for weeks, so that the clock seems to go back: %i',
    (moment) => {
      for (const last of [0, moment, (moment + 0x7000_0000) | 0, (moment + 0x9000_0000) | 0]) {
        const words = create();
        arrive(words);
        words[RESERVED_SINCE] = last;
        const isDue = Math.abs((moment - last) | 0) > 50;
        expect(chooseNext(words, { every: 50, looks: 1 }, at(moment)), `last ${last}`).toBe(
          isDue ? RESERVED : WANTED,
        );
      }
    },
  );

  it('is passed in one step while one who was called is on its way', () => {
    const words = create();
    arrive(words);
    markCalled(words);
    const rules = { every: -1, looks: 3 };
    for (let i = 1; i < 3; i++) expect(chooseNext(words, rules, at(0))).toBe(FREE);
    // A turn comes all the same, if a release sees that one is due.
    expect(chooseNext(words, rules, at(0))).toBe(RESERVED);
    // Event loops may be busy for longer than it takes to wake a thread.
    const loops = create();
    arrive(loops);
    countEventLoop(loops);
    markCalled(loops);
    expect(chooseNext(loops, rules, at(0))).toBe(WANTED);
    const late = create();
    arrive(late);
    markCalled(late);
    answerCall(late);
    expect(chooseNext(late, rules, at(0))).toBe(WANTED);
  });

  it('counts on after a release with nobody inside', () => {
    const words = create();
    const rules = { every: -1, looks: 3 };
    const batch = arrive(words);
    expect(chooseNext(words, rules, at(0))).toBe(WANTED);
    depart(words, batch);
    expect(chooseNext(words, rules, at(0))).toBe(WANTED);
    arrive(words);
    expect(chooseNext(words, rules, at(0))).toBe(WANTED);
    expect(chooseNext(words, rules, at(0))).toBe(RESERVED);
  });

  it('opens when the first of those inside has left, who are inside as before', () => {
    const words = create();
    const inside = [arrive(words)];
    const outside = [arrive(words), arrive(words)];
    expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
    outside.push(arrive(words));
    expect(inside.map((batch) => standing(words, batch))).toEqual([Standing.Inside]);
    expect(outside.map((batch) => standing(words, batch))).toEqual(Array(3).fill(Standing.Outside));
    depart(words, 0);
    expect(isGateClosed(words)).toBe(false);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([3, 0, 1]);
    // The next turn is theirs, one after the other.
    const late = arrive(words);
    for (let left = 3; left > 0; left--) {
      expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
      expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([left, 1, 1]);
      expect(standing(words, late)).toBe(Standing.Outside);
      depart(words, 1);
      expect([isGateClosed(words), standing(words, late)]).toEqual([false, Standing.Inside]);
    }
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([1, 0, 2]);
  });

  it('stays closed when one of those outside gives up', () => {
    const words = createClosed(1);
    const outside = arrive(words);
    arrive(words);
    depart(words, outside);
    expect(isGateClosed(words)).toBe(true);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([1, 1, 0]);
  });

  it.each(MOMENTS)(
    'is a lease from each release on, and anybody may open it afterwards: at %i',
    (moment) => {
      const words = createClosed(1, 0, moment);
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
      expect(chooseNext(words, AT_ONCE, at(later))).toBe(RESERVED);
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
    const words = create();
    const batch = arrive(words);
    arrive(words);
    arrive(words);
    // Two of them are inside.
    depart(words, batch);
    expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
    expect(insideOf(words)).toBe(2);
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

  it('asks for the time only when a turn may be due, or the lock is reserved', () => {
    const words = create();
    const rules = { every: -1, looks: 2 };
    const never = (): number => {
      throw new Error('asked');
    };
    for (let i = 0; i < 5; i++) expect(chooseNext(words, rules, never)).toBe(WANTED);
    arrive(words);
    expect(chooseNext(words, rules, never)).toBe(WANTED);
    expect(() => chooseNext(words, rules, never)).toThrow('asked');
    words[QUEUE] = (words[QUEUE] ?? 0) | GATE;
    expect(() => chooseNext(words, rules, never)).toThrow('asked');
  });

  it('is not closed upon nobody', () => {
    const words = create();
    const batch = arrive(words);
    // The only waiter gives up while the clock is read.
    const left = (): number => {
      depart(words, batch);
      return 0;
    };
    expect(chooseNext(words, AT_ONCE, left)).toBe(WANTED);
    expect(isGateClosed(words)).toBe(false);
  });

  it('does not count those down who were forgotten', () => {
    const words = createClosed(1);
    const outside = arrive(words);
    expect(openIfStuck(words, LEASE + 1)).toBe(true);
    depart(words, 0);
    expect(insideOf(words)).toBe(1);
    depart(words, outside);
    const left = words[QUEUE];
    // Nor does a count go below nobody.
    depart(words, outside);
    depart(words, batchOf(words));
    expect(hasWaiters(words)).toBe(false);
    expect(words[QUEUE]).toBe(left);
  });

  it('is not opened by one who was forgotten', () => {
    const words = createClosed(1);
    arrive(words);
    arrive(words);
    expect(openIfStuck(words, LEASE + 1)).toBe(true);
    expect(chooseNext(words, AT_ONCE, at(LEASE + 1))).toBe(RESERVED);
    depart(words, 0);
    expect(isGateClosed(words)).toBe(true);
    expect(insideOf(words)).toBe(2);
  });

  it('opens more often than its batches have numbers', () => {
    const words = create();
    let batch = arrive(words);
    for (let turn = 1; turn <= 3 * BATCHES; turn++) {
      expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
      const next = arrive(words);
      expect(next).toBe(turn % BATCHES);
      expect([standing(words, batch), standing(words, next)]).toEqual([
        Standing.Inside,
        Standing.Outside,
      ]);
      expect(markCalled(words)).toBe(CALLS + (batch & 1));
      depart(words, batch);
      expect(isGateClosed(words)).toBe(false);
      expect(standing(words, next)).toBe(Standing.Inside);
      expect(standing(words, batch)).toBe(Standing.Forgotten);
      batch = next;
    }
    expect(stateOf(words)).toBe(FREE);
  });
});

describe('the line', () => {
  it('lets the first one in, and the others as the next batch when all of those have left', () => {
    const words = create(7);
    const batches = [arrive(words), arrive(words), arrive(words)];
    expect(batches).toEqual([7, 8, 8]);
    expect([insideOf(words), outsideOf(words)]).toEqual([1, 2]);
    // As long as the gate is open it makes no difference.
    for (const batch of batches) expect(standing(words, batch)).toBe(Standing.Inside);
    depart(words, 7);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([2, 0, 8]);
    expect(arrive(words)).toBe(9);
    // One that leaves from outside lets nobody in.
    depart(words, 9);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([2, 0, 8]);
    depart(words, 8);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([1, 0, 8]);
    depart(words, 8);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([0, 0, 9]);
    expect(arrive(words)).toBe(9);
  });

  it('has room for so many inside, and for as many outside', () => {
    const words = create(BATCHES - 1);
    expect(arrive(words)).toBe(BATCHES - 1);
    for (let i = 0; i < MOST_WAITERS; i++) expect(arrive(words)).toBe(0);
    const full = words[QUEUE];
    expect(arrive(words)).toBe(-1);
    expect(words[QUEUE]).toBe(full);
    expect(isGateClosed(words)).toBe(false);
    depart(words, 0);
    expect(arrive(words)).toBe(0);

    depart(words, BATCHES - 1);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([MOST_WAITERS, 0, 0]);
    for (let i = 0; i < MOST_WAITERS; i++) expect(arrive(words)).toBe(1);
    expect(arrive(words)).toBe(-1);
    expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
    expect(arrive(words)).toBe(-1);
    expect([insideOf(words), outsideOf(words), batchOf(words)]).toEqual([
      MOST_WAITERS,
      MOST_WAITERS,
      0,
    ]);
    depart(words, 1);
    expect(outsideOf(words)).toBe(MOST_WAITERS - 1);
    expect(countWaiters(words)).toBe(2 * MOST_WAITERS - 1);
    expect(WAITERS).toBe((1 << 20) - 1);
  });

  it('calls one at a time, on the word of those inside', () => {
    const words = create(4);
    expect([isCallDue(words), markCalled(words)]).toEqual([false, -1]);
    arrive(words);
    expect([isCallDue(words), markCalled(words)]).toEqual([true, callsOf(4)]);
    expect([isCallDue(words), markCalled(words)]).toEqual([false, -1]);
    const before = words[CALLS];
    call(words, callsOf(4));
    expect(words[CALLS]).toBe((before ?? 0) + 1);
    // Whoever was called looks on, and the lock is released meanwhile: nobody else is called.
    expect([isCallDue(words), markCalled(words)]).toEqual([false, -1]);
    answerCall(words);
    expect([isCallDue(words), markCalled(words)]).toEqual([true, CALLS]);
    // Whoever leaves has been heard of, too, wherever it stood.
    const outside = arrive(words);
    expect(outside).toBe(5);
    depart(words, outside);
    expect([isCallDue(words), markCalled(words)]).toEqual([true, CALLS]);
    arrive(words);
    depart(words, 4);
    expect([isCallDue(words), markCalled(words)]).toEqual([true, callsOf(5)]);
  });

  it('calls one of those inside anew when the gate closes upon one that was called outside', () => {
    const words = create();
    arrive(words);
    arrive(words);
    expect(markCalled(words)).toBe(callsOf(0));
    expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
    expect([isCallDue(words), isCalled(words)]).toEqual([true, false]);
    expect(markCalled(words)).toBe(callsOf(0));
    // A release with the gate closed keeps the call.
    expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
    expect(isCallDue(words)).toBe(false);
  });

  it.each([0, 1, BATCHES - 1])(
    'calls one outside when nobody inside sleeps, unless the gate is closed: batch %i',
    (batch) => {
      const words = create(batch);
      arrive(words);
      const word = markCalled(words);
      expect(word).toBe(callsOf(batch));
      expect(callsOutside(words, word)).toBe(-1);
      const outside = arrive(words);
      expect(callsOutside(words, word)).toBe(callsOf(outside));
      expect(callsOutside(words, word)).not.toBe(word);
      expect(chooseNext(words, AT_ONCE, at(0))).toBe(RESERVED);
      expect(callsOutside(words, word)).toBe(-1);
    },
  );

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
    expect([1, 2, 4, 40].map(turnsBound)).toEqual([0, 2, 6, 78]);
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
  'hurry',
  'answer',
  'call',
  'callOutside',
  'show',
  'tick',
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
  /** Turns since it lined up. */
  turns: number;
}

interface World extends TurnRules {
  readonly batch: number;
  readonly began: number;
}

/** What the words should be, kept in another way. */
class Model {
  readonly agents: readonly Agent[];
  readonly rules: TurnRules;
  holder: Agent | null = null;
  /** When nobody holds it. */
  free: 'free' | 'wanted' | 'reserved' = 'free';
  isAwaited = false;
  isClosed = false;
  isCalled = false;
  /** Releases with someone inside since one of them looked at the clock. */
  looked = 0;
  /** Whether the next one looks anyway. */
  isHurried = false;
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

  constructor(count: number, { every, looks, batch, began }: World) {
    this.agents = Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      isEventLoop: index % 2 === 1,
      waits: null,
      batch: 0,
      turns: 0,
    }));
    this.rules = { every, looks };
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

  /** Where one stands who waits: whoever may take the lock is inside. */
  standingOf({ waits }: Agent): Standing | null {
    if (waits === null) return null;
    if (waits === 'outside') return this.isClosed ? Standing.Outside : Standing.Inside;
    return waits === 'inside' ? Standing.Inside : Standing.Forgotten;
  }

  /** A release with someone inside. Whether the gate closes upon them. */
  isTurnDue(): boolean {
    const looks = ++this.looked >= this.rules.looks || this.isHurried;
    if (!looks) return false;
    this.looked = 0;
    this.isHurried = false;
    return this.now - this.reservedAt > this.rules.every;
  }

  close(): void {
    this.isClosed = true;
    this.isCalled = false;
    for (const agent of this.agents) if (agent.waits !== null) agent.turns++;
  }

  leave(agent: Agent): void {
    this.isCalled = false;
    if (agent.isEventLoop) this.eventLoops--;
    const wasInside = agent.waits === 'inside';
    agent.waits = null;
    if (!wasInside) return;
    this.isClosed = false;
    if (this.inside === 0) this.letIn();
  }

  /** Those outside are inside now, and whoever is still counted there is not any more. */
  letIn(): void {
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
      if (agent.waits === null && agent.isEventLoop) {
        Atomics.add(words, EVENT_LOOPS, 1);
        model.eventLoops++;
      }
      agent.turns = 0;
      const isFirst = model.inside === 0;
      agent.waits = isFirst ? 'inside' : 'outside';
      agent.batch = arrive(words);
      expect(agent.batch).toBe((model.batch + (isFirst ? 0 : 1)) % BATCHES);
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
      model.holder = agent;
      return true;
    }
    case 'takeTurn': {
      if (model.standingOf(agent) !== Standing.Inside || model.holder !== null) return false;
      expect(standing(words, agent.batch)).toBe(Standing.Inside);
      expect(take(words, stateOf(words), agent.id, true)).toBe(true);
      model.isAwaited = true;
      model.holder = agent;
      leaveLine(words, agent);
      model.leave(agent);
      return true;
    }
    case 'giveUp': {
      if (agent.waits === null) return false;
      leaveLine(words, agent);
      model.leave(agent);
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
      if (model.inside > 0) {
        const open = model.isCalled && model.inside > model.eventLoops ? 'free' : 'wanted';
        model.free = model.isClosed || model.isTurnDue() ? 'reserved' : open;
        if (model.free === 'reserved' && !model.isClosed) model.close();
      }
      if (model.free === 'reserved') model.reservedAt = model.now;
      const next = chooseNext(words, model.rules, model.clock);
      releaseTo(words, next);
      if (next === WANTED) unwant(words);
      return true;
    }
    case 'hurry':
      // Who goes to sleep does it.
      if (agent.waits === null) return false;
      hurryTurn(words);
      model.isHurried = true;
      return true;
    case 'answer':
      answerCall(words);
      model.isCalled = false;
      return true;
    case 'call': {
      const isDue = model.inside > 0 && !model.isCalled;
      expect(isCallDue(words)).toBe(isDue);
      const word = markCalled(words);
      expect(word).toBe(isDue ? callsOf(model.batch) : -1);
      if (isDue) {
        call(words, word);
        model.isCalled = true;
        model.calls++;
      }
      return true;
    }
    case 'callOutside': {
      // After nobody was found asleep on the word of those inside.
      if (!model.isCalled) return false;
      const mayTake = model.outside > 0 && !model.isClosed;
      const word = callsOutside(words, callsOf(model.batch));
      expect(word).toBe(mayTake ? callsOf(model.batch + 1) : -1);
      if (mayTake) {
        call(words, word);
        model.calls++;
      }
      return mayTake;
    }
    case 'tick':
      model.now++;
      return true;
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
      if (isStuck) model.letIn();
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

function leaveLine(words: Int32Array, { batch, isEventLoop }: Agent): void {
  if (isEventLoop) Atomics.sub(words, EVENT_LOOPS, 1);
  depart(words, batch);
}

/** Words and model at the beginning: a turn was had at that moment. */
function begin(
  world: World,
  threads = AGENTS,
): { readonly words: Int32Array; readonly model: Model } {
  const words = create(world.batch);
  words[RESERVED_SINCE] = world.began;
  return { words, model: new Model(threads, world) };
}

function compare(words: Int32Array, model: Model): void {
  const found = {
    state: stateOf(words),
    inside: insideOf(words),
    outside: outsideOf(words),
    closed: isGateClosed(words),
    called: isCalled(words),
    batch: batchOf(words),
    looked: model.isHurried ? null : words[BYPASS],
    calls: (words[CALLS] ?? 0) + (words[CALLS + 1] ?? 0),
    waiters: hasWaiters(words),
    count: countWaiters(words),
    due: isCallDue(words),
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
    looked: model.isHurried ? null : model.looked,
    calls: model.calls,
    waiters: model.inside + model.outside > 0,
    count: model.inside + model.outside,
    due: model.inside + model.outside > 0 && !model.isCalled,
    eventLoops: model.eventLoops,
    standings: model.agents.map((agent) => model.standingOf(agent)),
  };
  // Asked some ten thousand times: an assertion that passes costs more than this.
  if (!isDeepStrictEqual(found, wanted)) expect(found).toEqual(wanted);
  // Nobody stands outside of nothing.
  if (model.outside > 0) expect(model.inside).toBeGreaterThan(0);
}

const AGENTS = 4;
const anyWorld: fc.Arbitrary<World> = fc.record({
  every: fc.integer({ min: -1, max: 3 }),
  looks: fc.integer({ min: 1, max: 4 }),
  batch: fc.constantFrom(0, 1, BATCHES - 2, BATCHES - 1),
  began: fc.constantFrom(...MOMENTS),
});
const anySteps = (operations: readonly Operation[]) =>
  fc.array(fc.tuple(fc.nat({ max: AGENTS - 1 }), fc.constantFrom(...operations)), {
    minLength: 40,
    maxLength: 200,
    size: 'max',
  });

/** So that several are inside when the gate closes. */
const MOSTLY_WAITING: readonly Operation[] = [
  ...OPERATIONS,
  ...Array<readonly Operation[]>(3).fill(['arrive', 'takeTurn', 'release']).flat(),
];

describe('agents that take turns', () => {
  it('leave the words as the model says', () => {
    const done = new Map<string, number>();
    const count = (what: string): void => {
      done.set(what, (done.get(what) ?? 0) + 1);
    };
    fc.assert(
      fc.property(anyWorld, anySteps(MOSTLY_WAITING), (world, steps) => {
        const { words, model } = begin(world);
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
          if (isClosed && !model.isClosed && model.batch === before)
            count('the gate opens, and some are still inside');
          if (model.batch !== before) count('those outside are let in');
          if (model.batch < before) count('the batches begin again');
          if (operation === 'takeTurn' && model.holder === agent && agent.batch !== before)
            count('one from outside takes it');
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
      'the gate opens, and some are still inside',
      'those outside are let in',
      'the batches begin again',
      'one from outside takes it',
    ];
    expect(wanted.filter((what) => (done.get(what) ?? 0) < 5)).toEqual([]);
  });

  it('wait for no more turns than the bound says', () => {
    let most = 0;
    fc.assert(
      fc.property(
        anyWorld,
        // Mostly what makes turns.
        anySteps([
          ...(['arrive', 'arrive', 'arrive', 'tryTake', 'giveUp'] as const),
          ...(['takeTurn', 'takeTurn', 'takeTurn', 'takeTurn'] as const),
          ...(['release', 'release', 'release', 'release'] as const),
        ]),
        (world, steps) => {
          // As many turns as there can be.
          const { words, model } = begin({ ...world, every: -1, looks: 1 });
          for (const [index, operation] of steps) {
            const agent = model.agents[index];
            if (agent === undefined) continue;
            apply(words, model, agent, operation);
            for (const { waits, turns } of model.agents) {
              if (waits === null) continue;
              most = Math.max(most, turns);
              if (turns > turnsBound(AGENTS)) expect.fail(`waited for ${turns} turns`);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    // It did not pass for want of turns.
    expect(most).toBeGreaterThan(AGENTS - 1);
  });

  it.each([2, 3, 4, 5])('may wait for as many turns but one: %i of them', (threads) => {
    const { words, model } = begin({ every: -1, looks: 1, batch: 0, began: 0 }, threads);
    const [late, first, ...others] = model.agents as [Agent, Agent, ...Agent[]];
    /** Who has the lock lines up again at once, and another one of those inside takes it. */
    const passOn = (): void => {
      const { holder } = model;
      if (holder === null) throw new Error('nobody has it');
      apply(words, model, holder, 'release');
      apply(words, model, holder, 'arrive');
      const next = [first, ...others].find(({ waits }) => waits === 'inside') ?? late;
      expect(apply(words, model, next, 'takeTurn')).toBe(true);
    };
    apply(words, model, first, 'tryTake');
    for (const other of others) apply(words, model, other, 'arrive');
    if (others.length > 0) passOn();
    // All others but one are inside, and that one has the lock.
    apply(words, model, late, 'arrive');
    while (model.holder !== late) passOn();
    expect(late.turns).toBe(turnsBound(threads) - 1);
  });

  it('can always go on when everybody who waits does so', () => {
    fc.assert(
      fc.property(
        anyWorld,
        anySteps(['arrive', 'tryTake', 'takeTurn', 'giveUp', 'release', 'show', 'answer', 'call']),
        (world, steps) => {
          const { words, model } = begin(world);
          for (const [index, operation] of steps) {
            const agent = model.agents[index];
            if (agent !== undefined) apply(words, model, agent, operation);
          }
          for (let turn = 0; turn < 2 * AGENTS; turn++) {
            if (model.holder !== null) apply(words, model, model.holder, 'release');
            const next = model.agents.find((agent) => model.standingOf(agent) === Standing.Inside);
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
