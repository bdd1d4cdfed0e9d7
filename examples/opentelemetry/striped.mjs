// SPDX-License-Identifier: MIT
// A striped counter and a striped histogram as metrics of OpenTelemetry, read when metrics are
// collected: workers that add to them know nothing of it.

/**
 * @param {import('@opentelemetry/api').Meter} meter
 * @param {string} name
 * @param {import('rseq-slice').StripedCounter} counter
 */
export function observeCounter(meter, name, counter) {
  meter.createObservableCounter(name).addCallback((result) => {
    result.observe(counter.sum());
  });
}

/**
 * How many values there were, their sum, and some of their quantiles.
 * @param {import('@opentelemetry/api').Meter} meter
 * @param {string} name
 * @param {import('rseq-slice').StripedHistogram} histogram
 * @param {readonly number[]} quantiles
 */
export function observeHistogram(meter, name, histogram, quantiles = [0.5, 0.99]) {
  const count = meter.createObservableCounter(`${name}.count`);
  const sum = meter.createObservableCounter(`${name}.sum`);
  const quantile = meter.createObservableGauge(`${name}.quantile`);
  meter.addBatchObservableCallback(
    (result) => {
      const snapshot = histogram.snapshot();
      result.observe(count, snapshot.count);
      result.observe(sum, snapshot.sum);
      if (snapshot.count === 0) return;
      for (const q of quantiles) result.observe(quantile, snapshot.quantile(q), { quantile: q });
    },
    [count, sum, quantile],
  );
}
