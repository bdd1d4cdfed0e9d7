// The order in which cells are measured: everything once a round, slices on and off next to each other and in an order
// that flips, so that a machine that gets slower or faster meanwhile does it to all alike.

/** @typedef {import('./aggregate.mjs').Cell} Cell */
/** @typedef {Cell & { slices: 'on' | 'off' }} Turn */

/**
 * @param {import('./options.mjs').Options} options
 * @param {ReadonlyMap<string, readonly ('on' | 'off')[]>} kinds those that can be measured, with the settings of slices each has
 * @param {number} round from 0
 * @returns {Turn[]}
 */
export function planRound({ workers, sections, gaps }, kinds, round) {
  const names = [...kinds.keys()];
  const turns = [];
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
