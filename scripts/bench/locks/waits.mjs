// Waiting times as a high dynamic range histogram: from 1 ns to an hour, each kept to three significant figures, so that
// a percentile is at most 0.1 % too high. Shorter counts as 1 ns, longer as an hour.

import { createHistogram } from 'node:perf_hooks';

const LOWEST = 1;
const HIGHEST = 3600e9;
const FIGURES = 3;

/** @typedef {import('node:perf_hooks').RecordableHistogram} RecordableHistogram */

/** @returns {RecordableHistogram} */
export const createWaits = () => createHistogram({ lowest: LOWEST, highest: HIGHEST, figures: FIGURES });

/** @param {RecordableHistogram} waits @param {number} wait ns */
export function recordWait(waits, wait) {
  waits.record(Math.min(HIGHEST, Math.max(LOWEST, Math.round(wait))));
}

/**
 * @typedef {object} Waits
 * @property {number} samples
 * @property {number | null} p50 ns, as all that follow; null: there are no samples
 * @property {number | null} p99
 * @property {number | null} p999
 * @property {number | null} max of the sampled ones
 */

/**
 * @param {readonly RecordableHistogram[]} all of the workers
 * @returns {Waits}
 */
export function summarizeWaits(all) {
  const merged = createWaits();
  for (const waits of all) merged.add(waits);
  const at = (/** @type {number} */ percent) => (merged.count === 0 ? null : merged.percentile(percent));
  return { samples: merged.count, p50: at(50), p99: at(99), p999: at(99.9), max: merged.count === 0 ? null : merged.max };
}
