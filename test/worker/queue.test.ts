// SPDX-License-Identifier: MIT
/**
 * `Queue` between real threads that are terminated at random while they push and pop: no record
 * comes twice, out of order or torn, each that dies takes at most one with it, and nobody hangs.
 * The program runs in a process of its own.
 */
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { isLong, share } from '../support/share.ts';

const WAYS = [
  { how: 'with the addon', flags: [] },
  { how: 'without an addon', flags: ['--no-addons'] },
] as const;

interface Result {
  readonly popped: number;
  readonly lost: number;
  readonly died: readonly number[];
  readonly slowest: number;
}

describe.each(WAYS)('$how', ({ flags }) => {
  it.each(share([1, 2, 3, 4, 5, 6], { every: 6 }))(
    'hands over every record once, whoever dies: seed %i',
    (seed) => {
      const deaths = isLong ? '60' : '8';
      const { popped, lost, died, slowest, ...rest } = runProgram(
        'queue-crew.mjs',
        [String(seed), deaths],
        flags,
      ) as Result;
      console.log(
        `node test/worker/programs/queue-crew.mjs ${seed} ${deaths}: ${popped} popped, ${lost} lost with ${died.join(' + ')}, 50 more within ${slowest.toFixed(0)} ms`,
      );
      expect(rest).toEqual({ isTooMuchLost: false, twice: 0, torn: 0, isEmpty: true });
    },
  );
});
