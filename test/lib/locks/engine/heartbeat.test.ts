// SPDX-License-Identifier: MIT
/**
 * One timer for all who wait in an event loop: everyone has its turn, and nobody's wait keeps a
 * process for longer.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it, vi } from 'vitest';
import { joinHeartbeat, leaveHeartbeat } from '../../../../lib/locks/engine/heartbeat.ts';

afterEach(() => {
  vi.useRealTimers();
});

const timers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

it('gives everyone its turn, however many there are', async () => {
  const counts = new Array<number>(250).fill(0);
  const beats = counts.map((_, index) => () => {
    counts[index] = (counts[index] ?? 0) + 1;
  });
  for (const beat of beats) joinHeartbeat(beat);
  await vi.waitFor(() => {
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
  }, 20_000);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  for (const beat of beats) leaveHeartbeat(beat);
});

it.each([
  [3, 3],
  [100, 100],
  [250, 100],
])('of %i who wait calls %i at a time', async (waiting, called) => {
  const sizes: number[] = [];
  let size = 0;
  const beats = Array.from({ length: waiting }, () => () => {
    // What one timer calls is done before this.
    if (size++ > 0) return;
    queueMicrotask(() => {
      sizes.push(size);
      size = 0;
    });
  });
  for (const beat of beats) joinHeartbeat(beat);
  await vi.waitFor(() => {
    expect(sizes.length).toBeGreaterThanOrEqual(2);
  }, 20_000);
  for (const beat of beats) leaveHeartbeat(beat);
  expect(new Set(sizes)).toEqual(new Set([called]));
});

it('is one timer while somebody waits, and none afterwards', () => {
  const before = timers();
  const beats = [vi.fn(), vi.fn(), vi.fn()];
  for (const beat of beats) joinHeartbeat(beat);
  expect(timers()).toBe(before + 1);
  // Who joins twice is one.
  for (const beat of beats) joinHeartbeat(beat);
  for (const beat of beats.slice(1)) leaveHeartbeat(beat);
  expect(timers()).toBe(before + 1);
  leaveHeartbeat(() => undefined);
  for (const beat of beats) leaveHeartbeat(beat);
  expect(timers()).toBe(before);
});

it('passes over who leaves meanwhile, and goes on with who joins', async () => {
  const calls: string[] = [];
  const second = (): void => {
    calls.push('second');
  };
  const third = (): void => {
    calls.push('third');
  };
  const first = (): void => {
    calls.push('first');
    leaveHeartbeat(first);
    leaveHeartbeat(second);
    joinHeartbeat(third);
  };
  joinHeartbeat(first);
  joinHeartbeat(second);
  await vi.waitFor(() => {
    expect(calls.filter((name) => name === 'third').length).toBeGreaterThan(1);
  }, 20_000);
  leaveHeartbeat(third);
  expect(calls.filter((name) => name !== 'third')).toEqual(['first']);
});

it('keeps nothing of those who have left', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let last = (): void => undefined;
  joinHeartbeat(last);
  // One is always there, as where requests follow each other.
  const left = Array.from({ length: 200 }, () => {
    const beat = (): void => undefined;
    joinHeartbeat(beat);
    leaveHeartbeat(last);
    last = beat;
    return new WeakRef(beat);
  });
  leaveHeartbeat(last);
  last = () => undefined;
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(left.filter((beat) => beat.deref() !== undefined)).toEqual([]);
});

it('beats when the timers are faked', async () => {
  vi.useFakeTimers();
  const beat = vi.fn();
  await new Promise<void>((resolve) => {
    beat.mockImplementation(resolve);
    joinHeartbeat(beat);
  });
  leaveHeartbeat(beat);
  expect(vi.getTimerCount()).toBe(0);
});

it('keeps a process alive while somebody waits', async () => {
  const source = `
    import { Mutex } from ${JSON.stringify(new URL('../../../../dist/index.js', import.meta.url).href)};
    const mutex = new Mutex();
    const words = new Int32Array(mutex.handle.buffer);
    words[1] = 0xfffff;
    let hasLeft = false;
    // Nothing else does: an event loop that sleeps in the engine does not.
    mutex.lockAsync({ signal: AbortSignal.timeout(150) }).catch(() => {
      hasLeft = true;
    });
    process.on('exit', () => console.log(hasLeft));`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', source],
    { timeout: 25_000 },
  );
  expect([stdout, stderr]).toEqual(['true\n', '']);
});
