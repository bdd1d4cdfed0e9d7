// SPDX-License-Identifier: MIT
// A striped counter and a striped histogram as metrics of prom-client, the usual package for
// Prometheus. Workers add to them in shared memory; only the page's thread has the package.
import { Counter } from 'prom-client';

/**
 * A counter that takes over what workers have added whenever the page is asked for.
 * @param {import('prom-client').Registry} registry
 * @param {{ name: string, help: string, counter: import('rseq-slice').StripedCounter }} metric
 */
export function registerCounter(registry, { name, help, counter }) {
  return new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.inc(counter.drain());
    },
  });
}

/**
 * A histogram. That of prom-client counts values one by one, so this one is a metric of its own.
 * @param {import('prom-client').Registry} registry
 * @param {{ name: string, help: string, histogram: import('rseq-slice').StripedHistogram }} metric
 */
export function registerHistogram(registry, { name, help, histogram }) {
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    reset() {},
    async get() {
      const { count, sum, buckets } = histogram.snapshot();
      let upTo = 0;
      /** @type {{ metricName: string, labels: { le?: string | number }, value: number }[]} */
      const values = buckets.map((bucket) => ({
        metricName: `${name}_bucket`,
        labels: { le: bucket.upTo === Infinity ? '+Inf' : bucket.upTo },
        value: (upTo += bucket.count),
      }));
      values.push({ metricName: `${name}_sum`, labels: {}, value: sum });
      values.push({ metricName: `${name}_count`, labels: {}, value: count });
      return { name, help, type: metric.type, aggregator: metric.aggregator, values };
    },
  };
  registry.registerMetric(/** @type {any} */ (metric));
}
