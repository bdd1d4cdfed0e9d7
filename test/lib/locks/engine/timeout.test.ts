// SPDX-License-Identifier: MIT
/** Timeouts of any length, with the timers that the caller has at the moment. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTimeout } from '../../../../lib/locks/engine/timeout.ts';

/** The longest that Node's timers hold. */
const LONGEST = 0x7fff_ffff;

describe('with faked timers', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([0, 1, 10, LONGEST - 1, LONGEST, LONGEST + 1, 2 ** 32, 3 * LONGEST + 7])(
    'comes after %i ms, and not before',
    (ms) => {
      const run = vi.fn();
      startTimeout(ms, run);
      if (ms > 1) {
        vi.advanceTimersByTime(ms - 1);
        expect(run).not.toHaveBeenCalled();
        vi.advanceTimersByTime(1);
      } else {
        vi.advanceTimersByTime(1);
      }
      expect(run).toHaveBeenCalledOnce();
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it.each([undefined, Infinity])('never comes: %s', (ms) => {
    const stop = startTimeout(ms, vi.fn());
    expect(vi.getTimerCount()).toBe(0);
    stop();
  });

  it.each([1, LONGEST + 5, 5 * LONGEST])('of %i ms is stopped at any time', (ms) => {
    for (const after of [0, ms / 2, ms - 1]) {
      const run = vi.fn();
      const stop = startTimeout(ms, run);
      vi.advanceTimersByTime(Math.floor(after));
      stop();
      stop();
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(LONGEST);
      expect(run).not.toHaveBeenCalled();
    }
  });

  it('holds any number, and does not come at once because it is large', () => {
    const anyTime = fc.oneof(
      fc.double({ min: 2, max: Number.MAX_VALUE, noNaN: true }),
      fc.constantFrom(Number.MAX_SAFE_INTEGER, 1e300, Number.MAX_VALUE, 2 ** 31, 2 ** 32 + 1),
    );
    fc.assert(
      fc.property(anyTime, (ms) => {
        const run = vi.fn();
        const stop = startTimeout(ms, run);
        vi.advanceTimersByTime(Math.min(Math.floor(ms) - 1, LONGEST + 1000));
        expect(run).not.toHaveBeenCalled();
        expect(vi.getTimerCount()).toBe(1);
        stop();
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});

it('of any number is no warning of Node’s', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  const run = vi.fn();
  const stops = [2 ** 31, 2 ** 53, 1e300, Number.MAX_VALUE, 1e-300].map((ms) =>
    startTimeout(ms, ms < 1 ? vi.fn() : run),
  );
  await turn();
  for (const stop of stops) stop();
  // The timers warn when they are made: what is emitted now comes behind that.
  const heard = once(process, 'warning');
  process.emitWarning('the last one');
  await heard;
  process.off('warning', warned);
  expect(warned.mock.calls.map(([warning]) => (warning as Error).message)).toEqual([
    'the last one',
  ]);
  expect(run).not.toHaveBeenCalled();
});
