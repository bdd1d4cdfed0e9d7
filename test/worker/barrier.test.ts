// SPDX-License-Identifier: MIT
/**
 * `Barrier` between real threads that are terminated at random: whoever waits is told, nobody
 * passes alone, and after a reset the barrier is as new. The program runs in a process of its own.
 */
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { isLong, share } from '../support/share.ts';

const WAYS = [
  { how: 'with the addon', flags: [] },
  { how: 'without an addon', flags: ['--no-addons'] },
] as const;

describe.each(WAYS)('$how', ({ flags }) => {
  it.each(share([1, 2, 3, 4, 5, 6], { every: 6 }))(
    'tells all others when one dies, and can be used again: seed %i',
    (seed) => {
      const deaths = isLong ? '40' : '4';
      const { passed, slowest, ...rest } = runProgram(
        'barrier-crew.mjs',
        [String(seed), deaths],
        flags,
      ) as { readonly wrong: number; readonly passed: number; readonly slowest: number };
      console.log(
        `node test/worker/programs/barrier-crew.mjs ${seed} ${deaths}: ${passed} passed, told within ${slowest.toFixed(0)} ms`,
      );
      expect(rest).toEqual({ wrong: 0 });
    },
  );
});
