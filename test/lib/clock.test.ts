// SPDX-License-Identifier: MIT
/**
 * The clock of waiting under fake timers, also where a test faked them before the
 * library was loaded, as a set-up file does.
 */
import { afterEach, expect, it, vi } from 'vitest';

const real = { hrtime: process.hrtime.bind(process), setTimeout, setInterval };
afterEach(() => {
  vi.useRealTimers();
  vi.resetModules();
});

async function loadFaked() {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance', 'hrtime', 'Date'],
  });
  vi.resetModules();
  return import('../../lib/clock.ts');
}

it('goes on, and is the one that all threads share', async () => {
  const { now, sharedNow, since } = await loadFaked();
  const before = now();
  const [seconds, nanoseconds] = real.hrtime();
  expect(Math.abs(since((seconds * 1000 + nanoseconds / 1e6) | 0, sharedNow()))).toBeLessThan(100);
  await new Promise((later) => real.setTimeout(later, 30));
  expect(performance.now()).toBe(performance.now());
  expect(now() - before).toBeGreaterThan(20);
});

it('has timers that nobody has to move', async () => {
  const { startInterval, stopInterval } = await loadFaked();
  expect(setInterval).not.toBe(real.setInterval);
  let count = 0;
  const timer = startInterval(() => count++, 5);
  await new Promise((later) => real.setTimeout(later, 100));
  stopInterval(timer);
  expect(count).toBeGreaterThan(2);
});
