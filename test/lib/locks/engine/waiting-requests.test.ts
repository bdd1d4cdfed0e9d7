// SPDX-License-Identifier: MIT
/**
 * Requests that wait in the event loop of the thread which has the lock: they get
 * it when that thread comes round, and until then they are in nobody's way. A
 * thread may block or compute right after it has released a lock.
 */
import { expect, it } from 'vitest';
import { Mutex } from '../../../../lib/locks/mutex.ts';

it('leaves a released lock free until the event loop comes round', async () => {
  const mutex = new Mutex();
  const token = mutex.lock();
  const order: string[] = [];
  const request = mutex.withLockAsync(() => order.push('request'));
  token.unlock();
  const other = mutex.tryLock();
  expect(other).not.toBeNull();
  order.push('try');
  other?.unlock();
  await request;
  expect(order).toEqual(['try', 'request']);
});

it('serves its own requests in their order', async () => {
  const mutex = new Mutex();
  const token = mutex.lock();
  const order: number[] = [];
  const requests = [1, 2, 3].map((number) => mutex.withLockAsync(() => order.push(number)));
  token.unlock();
  await Promise.all(requests);
  expect(order).toEqual([1, 2, 3]);
});
