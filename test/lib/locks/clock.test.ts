/** The clocks that waiting is built on: one that all threads share, and that no test can fake. */
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { leftUntil, now, sharedNow, since, startInterval, stopInterval } from '../../../lib/locks/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** ms that every thread of the process agrees about. */
const processNow = (): number => Number(process.hrtime.bigint() / 1_000_000n);

it('is the clock of the process, as 32 bits', () => {
  const shared = sharedNow();
  expect(shared).toBe(shared | 0);
  // Seconds apart, this thread would have a clock of its own.
  expect(Math.abs(since(processNow() | 0, sharedNow()))).toBeLessThan(5000);
});

it('tells the time between any two moments, also when the clock wraps', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(), (moment, ms) => {
      expect(since(moment, (moment + ms) | 0)).toBe(ms);
      // A moment that is still to come, as threads on other CPUs may see it.
      expect(since((moment + ms) | 0, moment)).toBe(ms === 0 ? 0 : -ms);
    }),
  );
});

it('has no end of time without a deadline', () => {
  expect(leftUntil(Infinity)).toBe(Infinity);
  expect(leftUntil(now() + 60_000)).toBeGreaterThan(0);
  expect(leftUntil(now() - 1)).toBeLessThan(0);
});

it('goes on when timers and clocks are faked', async () => {
  vi.useFakeTimers();
  expect(performance.now()).toBe(performance.now());
  const started = now();
  const shared = sharedNow();
  await new Promise<void>((resolve) => {
    const timer = startInterval(() => {
      stopInterval(timer);
      resolve();
    }, 5);
  });
  expect(now()).toBeGreaterThan(started);
  expect(since(shared, sharedNow())).toBeGreaterThan(0);
});
