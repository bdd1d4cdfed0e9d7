// SPDX-License-Identifier: MIT
/**
 * The order in which cells are measured: everything once a round, slices on and off
 * next to each other and in an order that flips, so that a machine that gets slower
 * or faster meanwhile does it to all alike.
 */
import type { Cell, Slices } from './aggregate.ts';
import type { LocksOptions } from './options.ts';

export type Turn = Cell & { readonly slices: Slices };

/**
 * @param kinds those that can be measured, with the settings of slices each has
 * @param round from 0
 */
export function planRound(
  { workers, sections, gaps }: Pick<LocksOptions, 'workers' | 'sections' | 'gaps'>,
  kinds: ReadonlyMap<string, readonly Slices[]>,
  round: number,
): Turn[] {
  const names = [...kinds.keys()];
  const turns: Turn[] = [];
  for (const count of workers) {
    for (const section of sections) {
      for (const gap of gaps ?? [section]) {
        for (let place = 0; place < names.length; place++) {
          // Each round begins with another lock, so that none always follows the same neighbour.
          const kind = names[(place + round) % names.length] ?? '';
          const settings = [...(kinds.get(kind) ?? [])];
          if (round % 2 === 1) settings.reverse();
          for (const slices of settings) turns.push({ kind, workers: count, section, gap, slices });
        }
      }
    }
  }
  return turns;
}
