// SPDX-License-Identifier: MIT
/**
 * Where a thread runs, over an addon that is faked: areas that come and go, that older kernels do
 * not fill in, and that cannot be mapped. What real kernels say is in test/worker/ids.test.ts.
 */
import { inspect } from 'node:util';
import { threadId } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { AreaIds } from '../../../../lib/host/linux/ids.ts';

const [CPU, NODE, CONCURRENCY] = [1, 5, 6];

/** An area as the kernel fills it in, and an addon that has it. */
function fakeArea(featureSize = 33) {
  const buffer = new ArrayBuffer(28);
  const words = new Int32Array(buffer);
  const register = (cpu: number): void => {
    words[CPU] = cpu;
    words[NODE] = cpu >= 0 ? 1 : 0;
    words[CONCURRENCY] = cpu >= 0 ? 2 : 0;
  };
  register(3);
  const binding = {
    areaIds: vi.fn<() => ArrayBuffer | null>(() => buffer),
    featureSize: () => featureSize,
    cpu: vi.fn(() => 103),
    node: vi.fn(() => 101),
    concurrencyId: vi.fn(() => 102),
  };
  return { binding, register, ids: new AreaIds(binding) };
}
const all = (ids: AreaIds) => [ids.cpu(), ids.node(), ids.concurrencyId(), ids.stripe()];
const LOADS = [3, 1, 2, 2];
const CALLS = [103, 101, 102, threadId];

describe('the ids of a thread', () => {
  it('are loads, and the area is asked for once', () => {
    const { binding, ids } = fakeArea();
    for (let round = 0; round < 3; round++) expect(all(ids)).toEqual(LOADS);
    expect(ids.source).toBe('area');
    expect(binding.areaIds).toHaveBeenCalledOnce();
    expect(binding.cpu).not.toHaveBeenCalled();
  });

  it.each(['cpu', 'node', 'concurrencyId', 'stripe'] as const)(
    'of an area that is not registered any more are not believed: %s()',
    (name) => {
      const { binding, register, ids } = fakeArea();
      expect(all(ids)).toEqual(LOADS);
      register(-1);
      binding.areaIds.mockReturnValue(null);
      const at = ['cpu', 'node', 'concurrencyId', 'stripe'].indexOf(name);
      expect(ids[name]()).toBe(CALLS[at]);
      expect(ids.source).toBe('call');
      // The same one is registered again, as when another copy of this package detaches.
      register(3);
      expect(ids[name]()).toBe(LOADS[at]);
      expect(ids.source).toBe('area');
    },
  );

  it('are those of the area that came in its place', () => {
    const { binding, register, ids } = fakeArea();
    expect(all(ids)).toEqual(LOADS);
    register(-1);
    const other = new Int32Array(7);
    [other[CPU], other[NODE], other[CONCURRENCY]] = [4, 5, 6];
    binding.areaIds.mockReturnValue(other.buffer);
    expect(all(ids)).toEqual([4, 5, 6, 6]);
  });

  it('are calls where there is no area, which is seldom looked for again', () => {
    const { binding, ids } = fakeArea();
    binding.areaIds.mockReturnValue(null);
    for (let round = 0; round < 100; round++) expect(all(ids)).toEqual(CALLS);
    expect(ids.source).toBe('call');
    expect(binding.areaIds).toHaveBeenCalledOnce();
    binding.areaIds.mockReturnValue(new Int32Array(7).buffer);
    for (let round = 0; round < 1000; round++) ids.stripe();
    expect(ids.source).toBe('area');
    expect(binding.areaIds).toHaveBeenCalledTimes(2);
  });

  it('are looked for at once after attaching and detaching', () => {
    const { binding, ids } = fakeArea();
    binding.areaIds.mockReturnValueOnce(null);
    expect(all(ids)).toEqual(CALLS);
    ids.forget();
    expect(all(ids)).toEqual(LOADS);
    ids.forget();
    expect(all(ids)).toEqual(LOADS);
    expect(binding.areaIds).toHaveBeenCalledTimes(3);
  });

  it.each([
    // Linux 6.3 and later, 6.3 before its concurrency IDs, and older ones.
    [28, [3, 1, 2, 2]],
    [24, [3, 1, 3, 3]],
    [20, [3, 101, 3, 3]],
    [0, [3, 101, 3, 3]],
  ])('that this kernel does not write down are not loads: %i bytes', (featureSize, expected) => {
    expect(all(fakeArea(featureSize).ids)).toEqual(expected);
  });

  it('show nobody the memory', () => {
    const { ids } = fakeArea();
    expect(all(ids)).toEqual(LOADS);
    expect(Reflect.ownKeys(ids)).toEqual([]);
    expect(inspect(ids, { showHidden: true, depth: null, getters: true })).not.toMatch(
      /Buffer|Array|Words/,
    );
    expect(structuredClone(ids)).toEqual({});
  });
});
