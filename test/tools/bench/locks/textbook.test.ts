// SPDX-License-Identifier: MIT
/**
 * The locks that a program would write for itself: they keep out whom they should, which is told by
 * the words they leave. That they exclude in real workers is in the runs of the benchmark.
 */
import { expect, it } from 'vitest';
import {
  textbookEvent,
  textbookLock,
  textbookReadWriteLock,
  textbookSemaphore,
} from '../../../../packages/tools/lib/bench/locks/textbook.ts';

const words = () => new Int32Array(new SharedArrayBuffer(8));

it('the mutex is free again, and wakes nobody when nobody waits', () => {
  const state = words();
  const lock = textbookLock(state);
  for (let i = 0; i < 3; i++) {
    const token = lock.lock();
    expect(state[0]).toBe(1);
    lock.unlock(token);
  }
  expect([...state]).toEqual([0, 0]);
  expect(lock.stats?.()).toEqual({ parked: 0, woken: 0 });
});

it('readers are counted, and a writer is alone', () => {
  const state = words();
  const { read, write } = textbookReadWriteLock(state);
  const tokens = [read.lock(), read.lock()];
  expect(state[0]).toBe(2);
  for (const token of tokens) read.unlock(token);
  expect(state[0]).toBe(0);
  const token = write.lock();
  expect(state[0]).toBe(-1);
  write.unlock(token);
  expect([...state]).toEqual([0, 0]);
});

it('permits are counted down and up', () => {
  const state = words();
  state[0] = 2;
  const semaphore = textbookSemaphore(state);
  const tokens = [semaphore.lock(), semaphore.lock()];
  expect(state[0]).toBe(0);
  for (const token of tokens) semaphore.unlock(token);
  expect([...state]).toEqual([2, 0]);
});

it('an event that comes between the release and the wait ends the wait', () => {
  const state = words();
  const event = textbookEvent(state);
  const calls: string[] = [];
  event.wait({
    lock: () => calls.push('lock'),
    unlock: () => {
      calls.push('unlock');
      event.notify(1);
    },
  });
  expect(calls).toEqual(['unlock', 'lock']);
  expect([...state]).toEqual([1, 0]);
});
