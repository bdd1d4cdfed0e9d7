// SPDX-License-Identifier: MIT
// Three workers count into a striped counter and a striped histogram, which the main thread
// collects as metrics of OpenTelemetry. It ends with 0 if those have what the workers did, and
// else with 1.
import { once } from 'node:events';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { StripedCounter, StripedHistogram } from 'rseq-slice';

const WORKERS = 3;
const ROUNDS = 100_000;

async function main() {
  const { metrics } = await import('@opentelemetry/api');
  const {
    AggregationTemporality,
    InMemoryMetricExporter,
    MeterProvider,
    PeriodicExportingMetricReader,
  } = await import('@opentelemetry/sdk-metrics');
  const { observeCounter, observeHistogram } = await import('./striped.mjs');
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

  const counter = new StripedCounter();
  const histogram = new StripedHistogram({ buckets: [1, 2, 5, 10, 20, 50, 100] });
  const meter = metrics.getMeter('example');
  observeCounter(meter, 'app.rounds', counter);
  observeHistogram(meter, 'app.size', histogram);

  const shared = { counter: counter.handle, histogram: histogram.handle };
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(new URL(import.meta.url), { workerData: shared }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'exit')));

  await reader.forceFlush();
  const collected = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap((scope) => scope.metrics);
  /** @param {string} name */
  const valuesOf = (name) =>
    collected
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => value));
  for (const name of ['app.rounds', 'app.size.count', 'app.size.sum', 'app.size.quantile'])
    console.log(`${name}: ${valuesOf(name).join(', ')}`);
  // Each worker has observed 1 to 100 over and over.
  const total = WORKERS * ROUNDS;
  const isRight =
    valuesOf('app.rounds')[0] === total &&
    valuesOf('app.size.count')[0] === total &&
    valuesOf('app.size.sum')[0] === total * 50.5 &&
    valuesOf('app.size.quantile')[0] === 50;
  console.log(isRight ? 'the metrics have what the workers did' : 'the metrics are wrong');
  await reader.shutdown();
  if (!isRight) process.exitCode = 1;
}

if (isMainThread) await main();
else {
  const counter = StripedCounter.from(workerData.counter);
  const histogram = StripedHistogram.from(workerData.histogram);
  for (let round = 0; round < ROUNDS; round++) {
    counter.add();
    histogram.observe((round % 100) + 1);
  }
}
