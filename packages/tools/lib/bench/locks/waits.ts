// SPDX-License-Identifier: MIT
/**
 * Waiting times as a high dynamic range histogram: from 1 ns to an hour, each kept
 * to three significant figures, so that a percentile is at most 0.1 % too high.
 * Shorter counts as 1 ns, longer as an hour.
 */
import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';

const LOWEST = 1;
const HIGHEST = 3600e9;
const FIGURES = 3;

/** How often the way to 100 % is halved at most: beyond is one wait in eight million. */
const MOST_HALVINGS = 23;

export const createWaits = (): RecordableHistogram =>
  createHistogram({ lowest: LOWEST, highest: HIGHEST, figures: FIGURES });

/** @param wait ns */
export function recordWait(waits: RecordableHistogram, wait: number): void {
  waits.record(Math.min(HIGHEST, Math.max(LOWEST, Math.round(wait))));
}

/** Percent, and ns that so many waits are not longer than. */
export type Percentile = readonly [percent: number, wait: number];

export interface Waits {
  readonly samples: number;
  /** ns, as all that follow; null: there are no samples. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  /** Of the sampled ones. */
  readonly max: number | null;
  /**
   * The shortest, then each half as far from 100 % as the one before, as far as there are samples,
   * and the longest.
   */
  readonly percentiles?: readonly Percentile[];
}

function percentilesOf(waits: RecordableHistogram): Percentile[] {
  if (waits.count === 0) return [];
  const points: Percentile[] = [[0, waits.min]];
  for (
    let halving = 1, rest = 50;
    halving <= MOST_HALVINGS && (rest / 100) * waits.count >= 1;
    halving++, rest /= 2
  ) {
    points.push([100 - rest, waits.percentile(100 - rest)]);
  }
  points.push([100, waits.max]);
  return points;
}

/** @param all of the workers */
export function summarizeWaits(all: readonly RecordableHistogram[]): Waits {
  const merged = createWaits();
  for (const waits of all) merged.add(waits);
  const at = (percent: number): number | null =>
    merged.count === 0 ? null : merged.percentile(percent);
  return {
    samples: merged.count,
    p50: at(50),
    p99: at(99),
    p999: at(99.9),
    max: merged.count === 0 ? null : merged.max,
    percentiles: percentilesOf(merged),
  };
}
