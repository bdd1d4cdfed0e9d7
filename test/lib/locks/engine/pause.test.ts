// SPDX-License-Identifier: MIT
/**
 * What a thread does between two looks at a lock, in engines that have a pause and in those that
 * have none. How long it takes is nobody's promise.
 *
 * @portable
 */
import { afterEach, expect, it, vi } from 'vitest';

const given = Object.getOwnPropertyDescriptor(Atomics, 'pause');
afterEach(() => {
  vi.resetModules();
  Reflect.deleteProperty(Atomics, 'pause');
  if (given !== undefined) Object.defineProperty(Atomics, 'pause', given);
});

async function load(enginePause: (() => void) | undefined) {
  Reflect.deleteProperty(Atomics, 'pause');
  if (enginePause !== undefined)
    Object.defineProperty(Atomics, 'pause', { value: enginePause, configurable: true });
  vi.resetModules();
  const { pause } = await import('../../../../lib/locks/engine/pause.ts');
  return pause;
}

it.each([0, 1, 8, 100])('asks the engine %i times where it can', async (count) => {
  const enginePause = vi.fn();
  const pause = await load(enginePause);
  pause(count);
  expect(enginePause).toHaveBeenCalledTimes(count);
});

it('comes back where the engine has none, and sleeps in no case', async () => {
  const wait = vi.spyOn(Atomics, 'wait');
  try {
    const pause = await load(undefined);
    for (const count of [0, 1, 8, 10_000]) pause(count);
    expect(wait).not.toHaveBeenCalled();
  } finally {
    wait.mockRestore();
  }
});
