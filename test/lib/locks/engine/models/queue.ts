// SPDX-License-Identifier: MIT
/**
 * `Queue` as a model for the explorer: the door of those who pop, at the line of `line.ts`, one who
 * pushes and one who closes. Its steps call the functions of `lib/locks/engine/ring.ts`. Those who
 * push have the same door at the other end.
 */
import {
  close,
  commitPop,
  commitPush,
  countRecords,
  giveEnd,
  holderOf,
  isClosed,
  placeWords,
  POPPERS,
  readHead,
  readTail,
  recordAt,
  RECORDS,
  tailPosition,
  takeEnd,
} from '../../../../../lib/locks/engine/ring.ts';
import {
  chooseNext,
  hasWaiters,
  TURNSTILE_WORDS,
} from '../../../../../lib/locks/engine/turnstile.ts';
import { AGAIN } from '../../../../../lib/simulated/explorer/model.ts';
import type { Model, Step, WorldThread } from '../../../../../lib/simulated/explorer/model.ts';
import {
  at,
  id,
  LATE,
  LINE_REGISTERS,
  LINE_WORDS,
  LINED_UP,
  lineOf,
  MAY_TAKE,
  set,
  step,
  TURN,
} from './line.ts';
import type { Line, LineMistake, Turn } from './line.ts';

// Registers, behind those of the line.
const HOLDER = LINE_REGISTERS;
const RESULT = LINE_REGISTERS + 1;
const RECORD = LINE_REGISTERS + 2;
const TAIL_SEEN = LINE_REGISTERS + 3;
const REGISTERS = LINE_REGISTERS + 4;

const DONE = 1;
const SHUT = 2;
const EMPTY = 3;
/** It was empty, and is not any more. */
const RETRY = 4;

const RECORD_BYTES = 4;
const HEAD = 3 * TURNSTILE_WORDS;

/** Pops, waiting in its thread or in its event loop; pushes a record; closes the queue. */
export type QueueTurn = Extract<Turn, 'lock' | 'async'> | 'push' | 'close';

export interface QueueModelOptions {
  readonly turns: readonly (readonly QueueTurn[])[];
  readonly capacity: number;
  /** Calls until the gate closes. */
  readonly limit: number;
  readonly deaths?: number;
  readonly giveUps?: number;
  readonly polls?: number;
  /** Whether the one who pushes dies, too. */
  readonly mortal?: boolean;
  readonly mistake?:
    | LineMistake
    | 'does not call the next'
    | 'looks who waits before it commits'
    | 'gives the end back silently'
    | 'does not look again'
    | 'looks again silently'
    | 'moves on before it copies'
    | 'asks nobody'
    | 'pushes into what is closed';
}

export function queueModel({
  turns,
  capacity,
  limit,
  deaths = 0,
  giveUps = 0,
  polls = 0,
  mortal = false,
  mistake,
}: QueueModelOptions): Model {
  const words = RECORDS + capacity * placeWords(RECORD_BYTES);
  // Behind those of the line: how many were pushed and popped, what went wrong, and the records in
  // the order in which they were pushed.
  const PUSHED = words + LINE_WORDS;
  const POPPED = PUSHED + 1;
  const WRONG = PUSHED + 2;
  const TOLD = PUSHED + 3;
  const LOG = PUSHED + 4;
  const pushes = turns.flat().filter((each) => each === 'push').length;
  // The line of the model is at 0, so the ends have changed places.
  const popEnd = ({ shared }: WorldThread): Int32Array => shared.subarray(0, TURNSTILE_WORDS);
  const pushEnd = ({ shared }: WorldThread): Int32Array =>
    shared.subarray(POPPERS, POPPERS + TURNSTILE_WORDS);
  const count = ({ shared }: WorldThread): number =>
    countRecords(readTail(shared), readHead(shared), capacity);
  const isReady = (thread: WorldThread): boolean =>
    isClosed(readTail(thread.shared)) || count(thread) > 0;
  const slot = (position: number): number =>
    RECORDS + recordAt(position, capacity) * placeWords(RECORD_BYTES) + 1;
  const note = (thread: WorldThread, name: number): void => {
    thread.shared[name] = (thread.shared[name] ?? 0) + 1;
  };
  const turnOf = (thread: WorldThread): QueueTurn | undefined =>
    turns[thread.index]?.[at(thread, TURN)];

  const line: Line = lineOf({
    turns,
    words,
    begin(thread) {
      const turn = turnOf(thread);
      if (turn === 'push') return 'is there room?';
      return turn === 'close' ? 'close' : 'attempt';
    },
    door: () => 'look at the end',
    isOpen: 'is there a record?',
    isFree: (thread) => holderOf(popEnd(thread)) === 0 && isReady(thread),
    inside: () => 'leave',
    arrived: () => (mistake === 'does not call the next' ? 'leave' : 'does anybody else wait?'),
    mistake,
  });
  const isDead = (thread: WorldThread, other: number): boolean => thread.isDead(other - 1);
  const settled = (thread: WorldThread): string => {
    const result = at(thread, RESULT);
    for (const register of [HOLDER, RESULT, RECORD, TAIL_SEEN]) set(thread, register, 0);
    if (result === RETRY) return line.settle(thread, 'again');
    return line.settle(thread, result === EMPTY ? 'not yet' : 'in');
  };
  const copied = (thread: WorldThread): void => {
    set(thread, RECORD, thread.shared[slot(readHead(thread.shared))] ?? 0);
  };
  const committed = (thread: WorldThread): void => {
    const { shared } = thread;
    commitPop(shared, readHead(shared), capacity);
    thread.wake(HEAD);
    set(thread, RESULT, DONE);
  };
  /** The n-th that is popped is the n-th that was pushed. */
  const compare = (thread: WorldThread): void => {
    const { shared } = thread;
    if (at(thread, RECORD) !== shared[LOG + (shared[POPPED] ?? 0)]) shared[WRONG] = 1;
    note(thread, POPPED);
  };

  const steps: Step[] = [
    line.first,
    // Pops.
    step('look at the end', (thread) => {
      const holder = holderOf(popEnd(thread));
      set(thread, HOLDER, holder);
      if (holder === 0 && at(thread, MAY_TAKE) === 1) return 'take the end';
      return 'is it shut?';
    }),
    step('is it shut?', (thread) => {
      if (isClosed(readTail(thread.shared)) && count(thread) === 0) {
        set(thread, RESULT, SHUT);
        return 'settle';
      }
      const holder = at(thread, HOLDER);
      const asks = at(thread, LATE) !== 0 && mistake !== 'asks nobody';
      if (holder !== 0 && asks && isDead(thread, holder)) return 'take the end';
      set(thread, RESULT, EMPTY);
      return 'settle';
    }),
    step('take the end', (thread) => {
      if (takeEnd(popEnd(thread), at(thread, HOLDER), id(thread))) return 'look at the tail';
      set(thread, HOLDER, 0);
      return line.settle(thread, 'again');
    }),
    step('look at the tail', (thread) => {
      if (count(thread) > 0)
        return mistake === 'moves on before it copies' ? 'commit the pop' : 'copy';
      set(thread, RESULT, isClosed(readTail(thread.shared)) ? SHUT : EMPTY);
      return 'give the end';
    }),
    step('copy', (thread) => {
      if (mistake === 'moves on before it copies') {
        const before = (readHead(thread.shared) + 2 * capacity - 1) % (2 * capacity);
        set(thread, RECORD, thread.shared[slot(before)] ?? 0);
        compare(thread);
        return 'give the end';
      }
      copied(thread);
      return 'commit the pop';
    }),
    step('commit the pop', (thread) => {
      committed(thread);
      if (mistake === 'moves on before it copies') return 'copy';
      compare(thread);
      return 'give the end';
    }),
    step('give the end', (thread) => {
      giveEnd(popEnd(thread));
      if (at(thread, RESULT) === EMPTY && mistake !== 'does not look again')
        return 'is there one now?';
      return at(thread, LINED_UP) === 1 || mistake === 'gives the end back silently'
        ? 'settle'
        : 'does anybody wait here?';
    }),
    step('is there one now?', (thread) => {
      if (!isReady(thread)) return 'settle';
      set(thread, RESULT, RETRY);
      return mistake === 'looks again silently' ? 'settle' : 'does anybody wait here?';
    }),
    step('does anybody wait here?', (thread) =>
      hasWaiters(thread.shared) ? 'is there more?' : 'settle',
    ),
    step('is there more?', (thread) => (isReady(thread) ? 'choose, then settle' : 'settle')),
    step('choose, then settle', (thread) => {
      chooseNext(thread.shared, { every: -1, looks: limit }, () => 0);
      return line.callNext(thread, 'settle');
    }),
    step('settle', (thread) => {
      if (at(thread, RESULT) === SHUT) thread.shared[TOLD] = 1;
      return settled(thread);
    }),
    step('is there a record?', (thread) =>
      holderOf(popEnd(thread)) === 0 && isReady(thread)
        ? 'open the gate if it is stuck'
        : line.shut(thread),
    ),
    step('does anybody else wait?', (thread) =>
      hasWaiters(thread.shared) && isReady(thread) ? line.callNext(thread, 'leave') : 'leave',
    ),
    step('leave', () => 'count'),
    // Pushes.
    step('is there room?', (thread) => {
      const tail = readTail(thread.shared);
      if (isClosed(tail)) return 'count';
      if (count(thread) === capacity) {
        thread.park(HEAD, readHead(thread.shared));
        return AGAIN;
      }
      set(thread, TAIL_SEEN, tail);
      return 'take the other end';
    }),
    step('take the other end', (thread) =>
      takeEnd(pushEnd(thread), 0, id(thread)) ? 'write' : 'is there room?',
    ),
    step('write', (thread) => {
      thread.shared[slot(tailPosition(at(thread, TAIL_SEEN)))] = at(thread, TURN) + 1;
      return mistake === 'looks who waits before it commits'
        ? 'does anybody want it?'
        : 'commit the push';
    }),
    step('commit the push', (thread) => {
      const { shared } = thread;
      const tail = at(thread, TAIL_SEEN);
      const isDone =
        commitPush(shared, tail, capacity) ||
        (mistake === 'pushes into what is closed' && commitPush(shared, tail | 1, capacity));
      if (isDone) {
        shared[LOG + (shared[PUSHED] ?? 0)] = at(thread, TURN) + 1;
        note(thread, PUSHED);
        if (shared[TOLD] === 1) shared[WRONG] = 2;
      }
      set(thread, TAIL_SEEN, 0);
      return 'give the other end';
    }),
    step('give the other end', (thread) => {
      giveEnd(pushEnd(thread));
      return mistake === 'looks who waits before it commits' ? 'count' : 'does anybody want it?';
    }),
    step('does anybody want it?', (thread) => {
      const then =
        mistake === 'looks who waits before it commits' && at(thread, TAIL_SEEN) !== 0
          ? 'commit the push'
          : 'count';
      return hasWaiters(thread.shared) ? 'choose the next' : then;
    }),
    step('choose the next', (thread) => {
      chooseNext(thread.shared, { every: -1, looks: limit }, () => 0);
      return line.callNext(
        thread,
        mistake === 'looks who waits before it commits' ? 'commit the push' : 'count',
      );
    }),
    step('close', (thread) => {
      close(thread.shared);
      return 'does anybody want it?';
    }),
    ...line.steps,
  ];
  const about = [
    turns.map((each) => each.join(' + ')).join(' | '),
    `capacity ${capacity}`,
    `limit ${limit}`,
    ...(deaths > 0 ? [`deaths ${deaths}${mortal ? ' of any' : ''}`] : []),
    ...(giveUps > 0 ? [`give-ups ${giveUps}`] : []),
    ...(polls > 0 ? [`polls ${polls}`] : []),
    ...(mistake === undefined ? [] : [mistake]),
  ];
  return {
    name: `queue (${about.join(', ')})`,
    shared: LOG + pushes,
    deaths,
    giveUps,
    polls,
    arrivalOrder: true,
    threads: turns.map((each, cpu) => ({
      cpu,
      registers: REGISTERS,
      unregistered: true,
      immortal: each.includes('close') || (each.includes('push') && !mortal),
      steps,
    })),
    invariant(world) {
      if (world.shared[WRONG] === 1) return 'what was popped is not what was pushed';
      if (world.shared[WRONG] === 2) return 'pushed into a queue that is closed and empty';
      return line.violation(world);
    },
  };
}
