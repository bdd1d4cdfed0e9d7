// SPDX-License-Identifier: MIT
/** One listener per AbortSignal, whoever waits for it, and no call of one who has stopped. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { onAbort } from '../../../../lib/locks/engine/abort.ts';

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('onAbort', () => {
  it('does nothing without a signal', () => {
    const run = vi.fn();
    onAbort(undefined, run)();
    expect(run).not.toHaveBeenCalled();
  });

  it.each([new Error('mine'), null, 0, '', false, 'words', { not: 'an error' }])(
    'tells the reason: %s',
    (reason) => {
      const controller = new AbortController();
      const runs = [vi.fn(), vi.fn()];
      for (const run of runs) onAbort(controller.signal, run);
      controller.abort(reason);
      for (const run of runs) expect(run.mock.calls).toEqual([[reason]]);
      expect(listenersOf(controller.signal)).toBe(0);
    },
  );

  it('tells the platform’s reason when none was given', () => {
    const controller = new AbortController();
    const run = vi.fn();
    onAbort(controller.signal, run);
    controller.abort(undefined);
    expect(run.mock.calls).toEqual([[controller.signal.reason]]);
    expect(controller.signal.reason).toBeInstanceOf(DOMException);
  });

  it('has one listener, however many wait, and none when nobody does', () => {
    const { signal } = new AbortController();
    const stops = Array.from({ length: 50 }, () => onAbort(signal, vi.fn()));
    expect(listenersOf(signal)).toBe(1);
    for (const stop of stops.slice(1)) stop();
    expect(listenersOf(signal)).toBe(1);
    stops[0]?.();
    expect(listenersOf(signal)).toBe(0);
    // And again from the beginning.
    const stop = onAbort(signal, vi.fn());
    expect(listenersOf(signal)).toBe(1);
    stop();
    stop();
    expect(listenersOf(signal)).toBe(0);
  });

  it('calls a function as often as it waits, and not when it has stopped', () => {
    const controller = new AbortController();
    const run = vi.fn();
    onAbort(controller.signal, run);
    const stop = onAbort(controller.signal, run);
    onAbort(controller.signal, run);
    stop();
    controller.abort();
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('does not call one whom another one stops at that moment', () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const stops: (() => void)[] = [];
    for (const name of ['first', 'second', 'third']) {
      stops.push(
        onAbort(controller.signal, () => {
          calls.push(name);
          if (name === 'first') stops[1]?.();
        }),
      );
    }
    controller.abort();
    expect(calls).toEqual(['first', 'third']);
    expect(listenersOf(controller.signal)).toBe(0);
  });
});

it('more than ten waits with one signal print nothing, and leave no listener behind', async () => {
  const source = `
    import { getEventListeners } from 'node:events';
    import { Condition, Mutex, RwLock, Semaphore, SpinLock } from ${JSON.stringify(new URL('../../../../dist/index.js', import.meta.url).href)};
    const options = { blockMainThread: true };
    const controller = new AbortController();
    const { signal } = controller;
    const [mutex, spinLock, rwLock, semaphore] = [new Mutex(), new SpinLock(), new RwLock(), new Semaphore({ permits: 1 })];
    const condition = new Condition(options);
    const held = [mutex.lock(), spinLock.lock(), rwLock.writeLock(), semaphore.acquire()];
    const waits = [];
    for (let i = 0; i < 20; i++) {
      waits.push(
        mutex.lockAsync({ signal }),
        spinLock.lockAsync({ signal }),
        rwLock.readLockAsync({ signal }),
        rwLock.writeLockAsync({ signal }),
        semaphore.acquireAsync({ signal }),
        condition.waitAsync(await new Mutex().lockAsync(), { signal }),
      );
    }
    const during = getEventListeners(signal, 'abort').length;
    controller.abort(null);
    const reasons = new Set((await Promise.allSettled(waits)).map(({ reason }) => reason));
    for (const token of held) token.unlock();
    // One that has what it waited for.
    const late = new AbortController();
    for (let i = 0; i < 20; i++) (await mutex.lockAsync({ signal: late.signal, timeout: 1000 })).unlock();
    const token = mutex.lock();
    const all = Array.from({ length: 20 }, async () => (await mutex.lockAsync({ signal: late.signal })).unlock());
    token.unlock();
    await Promise.all(all);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const listeners = (of) => getEventListeners(of, 'abort').length;
    console.log(JSON.stringify([waits.length, during, [...reasons], listeners(signal), listeners(late.signal)]));`;
  // Rejects for a status that is not 0, and for a signal.
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', source],
    { timeout: 25_000 },
  );
  expect({ result: JSON.parse(stdout) as unknown, stderr }).toEqual({
    result: [120, 1, [null], 0, 0],
    stderr: '',
  });
});
