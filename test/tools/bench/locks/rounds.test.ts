// SPDX-License-Identifier: MIT
/** The order of the measurements: what follows what, and that it turns from round to round. */
import { expect, it } from 'vitest';
import { planRound } from '../../../../packages/tools/lib/bench/locks/rounds.ts';

it('flips slices and rotates locks from round to round', () => {
  const options = { workers: [2], sections: [1], gaps: null };
  const kinds = new Map([
    ['mutex', ['on', 'off'] as const],
    ['textbook', ['off'] as const],
  ]);
  const plan = (round: number) =>
    planRound(options, kinds, round).map(({ kind, slices }) => `${kind} ${slices}`);
  expect(plan(0)).toEqual(['mutex on', 'mutex off', 'textbook off']);
  expect(plan(1)).toEqual(['textbook off', 'mutex off', 'mutex on']);
});

it('pairs every section with every gap, or with one as long as itself', () => {
  const kinds = new Map([['mutex', ['off'] as const]]);
  const plan = (gaps: readonly number[] | null) =>
    planRound({ workers: [1, 2], sections: [1, 5], gaps }, kinds, 0).map(
      ({ workers, section, gap }) => [workers, section, gap],
    );
  expect(plan(null)).toEqual([
    [1, 1, 1],
    [1, 5, 5],
    [2, 1, 1],
    [2, 5, 5],
  ]);
  expect(plan([0, 3]).slice(0, 4)).toEqual([
    [1, 1, 0],
    [1, 1, 3],
    [1, 5, 0],
    [1, 5, 3],
  ]);
});
