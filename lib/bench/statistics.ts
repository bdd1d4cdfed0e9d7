/**
 * What a list of noisy timings has to say: the median with an interval around it.
 * Medians, because what disturbs a measurement (another process, an interrupt)
 * only ever makes it longer, and sometimes much longer.
 */
export interface Summary {
  readonly median: number;
  /** 95 % confidence interval of the median. */
  readonly interval: readonly [number, number];
  readonly least: number;
}

/** @param samples at least one */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (rank: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, rank))] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  // How many samples fall below the true median is binomial, whatever the distribution; this is its normal approximation.
  const reach = (1.96 * Math.sqrt(sorted.length)) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    interval: [at(Math.floor(middle - reach)), at(Math.ceil(middle + reach))],
    least: at(0),
  };
}
