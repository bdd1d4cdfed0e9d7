// SPDX-License-Identifier: MIT
/**
 * What a thread does between two looks at a lock, in engines that have a pause and in those that
 * have none. How long it takes is nobody's promise.
 *
 * @portable
 */
import { availableParallelism } from 'node:os';
import { afterEach, expect, it, vi } from 'vitest';

const given = Object.getOwnPropertyDescriptor(Atomics, 'pause');
afterEach(() => {
  vi.resetModules();
  vi.doUnmock('../../../../lib/clock.ts');
  Reflect.deleteProperty(Atomics, 'pause');
  if (given !== undefined) Object.defineProperty(Atomics, 'pause', given);
});

async function load(enginePause: (() => void) | undefined) {
  Reflect.deleteProperty(Atomics, 'pause');
  if (enginePause !== undefined)
    Object.defineProperty(Atomics, 'pause', { value: enginePause, configurable: true });
  vi.resetModules();
  let time = 0;
  // A microsecond passes between two looks at it.
  vi.doMock('../../../../lib/clock.ts', () => ({ now: () => (time += 0.001) }));
  return import('../../../../lib/locks/engine/pause.ts');
}

it.each([0, 1, 8, 100])('asks the engine %i times where it can', async (count) => {
  const enginePause = vi.fn();
  const { pause } = await load(enginePause);
  pause(count);
  expect(enginePause).toHaveBeenCalledTimes(count);
});

it('comes back where the engine has none, and sleeps in no case', async () => {
  const wait = vi.spyOn(Atomics, 'wait');
  try {
    const { pause } = await load(undefined);
    for (const count of [0, 1, 8, 10_000]) pause(count);
    expect(wait).not.toHaveBeenCalled();
  } finally {
    wait.mockRestore();
  }
});

it('is looked for a while between pauses that get longer, with more than one CPU', async () => {
  const pauses: number[] = [];
  const enginePause = vi.fn();
  const { Looking } = await load(enginePause);
  for (const looking = new Looking(Infinity); looking.goesOn();) {
    pauses.push(enginePause.mock.calls.length);
    enginePause.mockClear();
  }
  if (availableParallelism() === 1) {
    expect(pauses).toEqual([]);
    return;
  }
  expect(pauses).toHaveLength(8 * 20);
  expect(pauses).toEqual(pauses.map((_, look) => Math.min(8, 2 ** Math.floor(look / 8))));
});

it('is not looked for when the time is over', async () => {
  const { Looking } = await load(vi.fn());
  for (const deadline of [-Infinity, 0]) expect(new Looking(deadline).goesOn()).toBe(false);
});
