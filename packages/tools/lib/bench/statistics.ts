// SPDX-License-Identifier: MIT
/**
 * What a list of noisy timings has to say: the median with an interval around it.
 * Medians, because what disturbs a measurement (another process, an interrupt)
 * only ever makes it longer, and sometimes much longer. How sure the interval is
 * depends on how many timings there are, so its name is computed with it.
 */
export interface Summary {
  readonly median: number;
  /**
   * Two of the samples, as near to the median as {@link WANTED} allows; of few samples the least
   * and the most.
   */
  readonly interval: readonly [number, number];
  /**
   * How often such an interval contains the true median, 0 to 1: below {@link WANTED} it shows no
   * difference.
   */
  readonly coverage: number;
  readonly least: number;
}

/** What an interval is to contain the true median with. */
export const WANTED = 0.95;

/**
 * Of fewer samples, no interval reaches what is wanted: from the least to the most of five it is
 * 93.8 %.
 */
export const FEWEST_SAMPLES = 6;

interface Choice {
  /** How many samples are left out at either end. */
  readonly outside: number;
  readonly coverage: number;
}

/**
 * How many of n samples fall below the true median is binomial, whatever the
 * distribution. The interval without k at either end misses it when at most k do,
 * or at most k are above.
 */
function choose(count: number): Choice {
  // Logarithms, because two to the power of some thousands is no number here.
  let term = -count * Math.LN2;
  let tail = Math.exp(term);
  const coverage = (): number => Math.max(0, 1 - 2 * tail);
  let chosen = { outside: 0, coverage: coverage() };
  for (let outside = 1; outside < count / 2; outside++) {
    term += Math.log((count - outside + 1) / outside);
    tail += Math.exp(term);
    if (coverage() < WANTED) break;
    chosen = { outside, coverage: coverage() };
  }
  return chosen;
}

/** Of the interval of so many samples. */
export const coverageOf = (count: number): number => choose(count).coverage;

/** @param samples at least one */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (rank: number): number => sorted[rank] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  const { outside, coverage } = choose(sorted.length);
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    interval: [at(outside), at(sorted.length - 1 - outside)],
    coverage,
    least: at(0),
  };
}

/** Whether an interval is sure enough for a verdict. */
export const isTelling = ({ coverage }: Pick<Summary, 'coverage'>): boolean => coverage >= WANTED;

/** What intervals are called, by the least sure of them: `96.9 %`. Of one sample there is none. */
export function nameOfIntervals(
  all: readonly (Pick<Summary, 'coverage'> | null | undefined)[],
): string {
  const known = all.flatMap((summary) =>
    summary === null || summary === undefined || summary.coverage === 0 ? [] : [summary.coverage],
  );
  if (known.length === 0) return 'no interval';
  const [least, most] = [Math.min(...known), Math.max(...known)].map(
    (coverage) => `${Number((100 * coverage).toFixed(1))} %`,
  );
  return least === most ? String(least) : `${String(least)} or more`;
}

/** The same as the head of a column. */
export function titleOfIntervals(all: Parameters<typeof nameOfIntervals>[0]): string {
  const name = nameOfIntervals(all);
  return name.endsWith('interval') ? name : `${name} interval`;
}
