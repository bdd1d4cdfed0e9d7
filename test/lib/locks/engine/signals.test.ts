// SPDX-License-Identifier: MIT
/**
 * The words of a condition, against a model that keeps waiters in a list: whole
 * operations, in any order. What happens between single steps is for the
 * explorer's models.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONDITION_HEAD,
  CONDITION_PLACES,
  lengthOf,
  PLACE_WORDS,
} from '../../../../lib/locks/engine/layout.ts';
import {
  ASLEEP,
  BELL,
  CALLS,
  countOwn,
  forget,
  forgetDead,
  isAwaited,
  leaveLine,
  lineUp,
  LISTENING,
  MOST_WAITING,
  noteCall,
  placeOf,
  readCalls,
  signal,
  SLEEPERS,
  takeSignal,
} from '../../../../lib/locks/engine/signals.ts';

// The layout of the line, said once more.
const LINE = 1;
const SIGNAL_SHIFT = 15;

const create = (): Int32Array =>
  new Int32Array(new SharedArrayBuffer(lengthOf('Condition') * Int32Array.BYTES_PER_ELEMENT));
const waitersOf = (words: Int32Array): number => (words[LINE] ?? 0) & MOST_WAITING;
const signalsOf = (words: Int32Array): number => (words[LINE] ?? 0) >> SIGNAL_SHIFT;
/** Ids and counts of the places in use, in the order of the places. */
function placesOf(words: Int32Array): (readonly [number, number])[] {
  const places: (readonly [number, number])[] = [];
  for (let place = CONDITION_HEAD; place < words.length; place += PLACE_WORDS) {
    const [id = 0, count = 0] = words.subarray(place, place + PLACE_WORDS);
    if (id !== 0 || count !== 0) places.push([id, count]);
  }
  return places;
}

it('has words of its own for everything', () => {
  const words = [0, LINE, CALLS, SLEEPERS, BELL, LISTENING, ASLEEP];
  expect(new Set(words).size).toBe(words.length);
  expect(Math.max(...words)).toBeLessThan(CONDITION_HEAD);
  expect(CONDITION_HEAD + CONDITION_PLACES * PLACE_WORDS).toBe(lengthOf('Condition'));
});

describe('the line', () => {
  it('holds as many as can be counted, each with a signal', () => {
    const words = create();
    words[LINE] = MOST_WAITING - 1;
    expect(lineUp(words)).toBe(true);
    expect(lineUp(words)).toBe(false);
    expect(signal(words, Infinity)).toBe(MOST_WAITING);
    expect([waitersOf(words), signalsOf(words), signal(words, 1)]).toEqual([
      MOST_WAITING,
      MOST_WAITING,
      0,
    ]);
    const calls = readCalls(words);
    noteCall(words);
    for (let i = 0; i < MOST_WAITING; i++)
      if (!takeSignal(words, calls)) expect.fail(`none for ${i}`);
    expect([words[LINE], isAwaited(words)]).toEqual([0, false]);
  });

  it('has no signal for one who lined up after the call', () => {
    const words = create();
    lineUp(words);
    const early = readCalls(words);
    expect(signal(words, 1)).toBe(1);
    noteCall(words);
    lineUp(words);
    const late = readCalls(words);
    expect(takeSignal(words, late)).toBe(false);
    expect(takeSignal(words, early)).toBe(true);
    expect([waitersOf(words), signalsOf(words)]).toEqual([1, 0]);
  });

  it('keeps a signal whose call is not noted yet for one who leaves, when there is one for each', () => {
    const words = create();
    lineUp(words);
    const calls = readCalls(words);
    signal(words, 1);
    expect(takeSignal(words, calls)).toBe(false);
    expect(leaveLine(words, calls)).toBe(true);
    expect(words[LINE]).toBe(0);
  });

  it.each([
    [5, 3, 2, 3, 3],
    [5, 3, 4, 1, 1],
    [5, 3, 5, 0, 0],
    [2, 2, 9, 0, 0],
    [5, 0, 1, 4, 0],
  ])(
    'of %i with %i signals forgets %i: %i and %i are left',
    (waiters, signals, count, waitersLeft, signalsLeft) => {
      const words = create();
      words[LINE] = waiters + (signals << SIGNAL_SHIFT);
      forget(words, count);
      expect([waitersOf(words), signalsOf(words)]).toEqual([waitersLeft, signalsLeft]);
    },
  );
});

describe('the places of threads', () => {
  it('are one for each thread, and free when none of its is left', () => {
    const words = create();
    const change = (id: number, by: number): void => {
      countOwn(words, placeOf(words, id), id, by);
    };
    change(5, 1);
    change(6, 1);
    change(5, 1);
    expect(placesOf(words)).toEqual([
      [5, 2],
      [6, 1],
    ]);
    change(5, -1);
    change(5, -1);
    expect(placesOf(words)).toEqual([[6, 1]]);
    change(7, 1);
    expect(placesOf(words)).toEqual([
      [7, 1],
      [6, 1],
    ]);
  });

  it('go to another one when a thread was faster', () => {
    const words = create();
    const place = placeOf(words, 5);
    countOwn(words, placeOf(words, 6), 6, 1);
    countOwn(words, place, 5, 1);
    expect(placesOf(words)).toEqual([
      [6, 1],
      [5, 1],
    ]);
  });

  it('may be too few: then one waits all the same', () => {
    const words = create();
    for (let id = 1; id <= CONDITION_PLACES; id++) countOwn(words, placeOf(words, id), id, 1);
    expect(placeOf(words, 1000)).toBe(-1);
    const before = [...words];
    countOwn(words, -1, 1000, 1);
    countOwn(words, -1, 1000, -1);
    expect([...words]).toEqual(before);
    expect(placeOf(words, CONDITION_PLACES)).toBe(words.length - PLACE_WORDS);
  });

  it('tell how many have died, once', () => {
    const words = create();
    for (const [id, count] of [
      [5, 2],
      [6, 1],
      [7, 3],
    ] as const) {
      for (let i = 0; i < count; i++) {
        lineUp(words);
        countOwn(words, placeOf(words, id), id, 1);
      }
    }
    signal(words, 5);
    const asked: number[] = [];
    const hasEnded = (id: number): boolean => {
      asked.push(id);
      return id !== 6;
    };
    forgetDead(words, 99, hasEnded);
    expect([placesOf(words), waitersOf(words), signalsOf(words), asked]).toEqual([
      [[6, 1]],
      1,
      1,
      [5, 6, 7],
    ]);
    forgetDead(words, 99, hasEnded);
    expect([waitersOf(words), signalsOf(words)]).toEqual([1, 1]);
  });
});

describe('threads that wait, notify, leave and die', () => {
  interface Waiter {
    readonly thread: number;
    readonly calls: number;
  }
  const OPERATIONS = ['lineUp', 'signal', 'take', 'leave', 'die'] as const;
  const anyStep = fc.record({
    thread: fc.integer({ min: 1, max: 4 }),
    operation: fc.constantFrom(...OPERATIONS),
    count: fc.oneof(fc.nat({ max: 4 }), fc.constant(Infinity)),
    which: fc.nat(),
  });

  it('leave the words as the model says, and lose no signal', () => {
    const done = new Map<string, number>();
    const count = (what: string): void => {
      done.set(what, (done.get(what) ?? 0) + 1);
    };
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 100, size: 'max' }), (steps) => {
        const words = create();
        let waiters: Waiter[] = [];
        let signals = 0;
        let calls = 0;
        const own = (thread: number): number =>
          waiters.filter((waiter) => waiter.thread === thread).length;
        const change = (thread: number, by: number): void => {
          countOwn(words, placeOf(words, thread), thread, by);
        };
        for (const { thread, operation, count: many, which } of steps) {
          const waiter = waiters[which % Math.max(1, waiters.length)];
          switch (operation) {
            case 'lineUp':
              expect(lineUp(words)).toBe(true);
              change(thread, 1);
              expect(readCalls(words)).toBe(calls);
              waiters.push({ thread, calls });
              break;
            case 'signal': {
              const more = Math.min(many, waiters.length - signals);
              expect(signal(words, many)).toBe(more);
              signals += more;
              if (more === 0) continue;
              noteCall(words);
              calls++;
              break;
            }
            case 'take': {
              if (waiter === undefined) continue;
              const isOurs = signals > 0 && waiter.calls !== calls;
              expect(takeSignal(words, waiter.calls)).toBe(isOurs);
              if (!isOurs) continue;
              change(waiter.thread, -1);
              waiters = waiters.filter((other) => other !== waiter);
              signals--;
              break;
            }
            case 'leave': {
              if (waiter === undefined) continue;
              const isOurs = signals > 0 && (signals >= waiters.length || waiter.calls !== calls);
              expect(leaveLine(words, waiter.calls)).toBe(isOurs);
              change(waiter.thread, -1);
              waiters = waiters.filter((other) => other !== waiter);
              if (isOurs) signals--;
              count(isOurs ? 'leaves with a signal' : 'leaves without');
              break;
            }
            case 'die':
              if (own(thread) === 0) continue;
              waiters = waiters.filter((other) => other.thread !== thread);
              signals = Math.min(signals, waiters.length);
              forgetDead(words, 99, (id) => id === thread);
          }
          count(operation);
          const found = [
            waitersOf(words),
            signalsOf(words),
            isAwaited(words),
            placesOf(words).sort(([a], [b]) => a - b),
          ];
          const wanted = [
            waiters.length,
            signals,
            waiters.length > 0,
            [1, 2, 3, 4].filter(own).map((id) => [id, own(id)]),
          ];
          if (!isDeepStrictEqual(found, wanted)) expect(found).toEqual(wanted);
        }
      }),
      { numRuns: 300 },
    );
    expect(
      [...OPERATIONS, 'leaves with a signal', 'leaves without'].filter(
        (what) => (done.get(what) ?? 0) < 5,
      ),
    ).toEqual([]);
  });
});
