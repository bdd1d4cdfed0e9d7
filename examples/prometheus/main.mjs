// SPDX-License-Identifier: MIT
// Three workers compete for a lock while the main thread serves /metrics. It asks itself for the
// page and ends with 0 if that has what the workers did, and else with 1. With --stay it goes on
// serving.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Registry } from 'prom-client';
import { Mutex, StripedCounter, StripedHistogram } from 'rseq-slice';
import { LockCounters, formatMetrics } from './metrics.mjs';
import { registerCounter, registerHistogram } from './striped.mjs';

const WORKERS = 3;
const ROUNDS = 300_000;

/** A line of a sample: a name, perhaps labels, and a number. */
const SAMPLE = /^(\w+(?:\{(?:\w+="[\w.+]+",?)+\})?) ([\d.e-]+)$/;

/** @param {string} page @returns {Map<string, number>} samples by name and labels */
function readSamples(page) {
  const lines = page.trimEnd().split('\n');
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, name, value] = SAMPLE.exec(line) ?? [];
        if (name === undefined) throw new Error(`Prometheus cannot read '${line}'.`);
        return [name, Number(value)];
      }),
  );
}

async function main() {
  const accounts = LockCounters.create(WORKERS);
  const rounds = new StripedCounter();
  const waits = new StripedHistogram({ buckets: [1e-6, 1e-5, 1e-4, 1e-3, 1e-2], unit: 1e-9 });
  const registry = new Registry();
  registerCounter(registry, {
    name: 'app_rounds_total',
    help: 'Rounds that workers made.',
    counter: rounds,
  });
  registerHistogram(registry, {
    name: 'app_round_seconds',
    help: 'How long a thousandth of the rounds took.',
    histogram: waits,
  });
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(formatMetrics({ accounts }) + (await registry.metrics()));
  });
  const isStaying = process.argv.includes('--stay');
  server.listen(isStaying ? 9464 : 0, '127.0.0.1');
  await once(server, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${address.port}/metrics`;

  const shared = {
    lock: new Mutex().handle,
    total: new Int32Array(new SharedArrayBuffer(4)),
    striped: { rounds: rounds.handle, waits: waits.handle },
  };
  const workers = Array.from(
    { length: WORKERS },
    (_, row) =>
      new Worker(new URL(import.meta.url), {
        workerData: { ...shared, row, counters: accounts.buffer },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'exit')));

  const page = await (await fetch(url)).text();
  const samples = readSamples(page);
  const isRight =
    shared.total[0] === WORKERS * ROUNDS &&
    samples.get('rseq_slice_threads_total') === WORKERS &&
    Number(samples.get('rseq_slice_sections_entered_total')) >= WORKERS * ROUNDS &&
    samples.get('app_rounds_total') === WORKERS * ROUNDS &&
    samples.get('app_round_seconds_count') === (WORKERS * ROUNDS) / 1_000 &&
    samples.has('rseq_slice_lock_events_total{lock="accounts",event="contended"}');
  console.log(page);
  console.log(isRight ? 'the page has what the workers did' : 'the page is wrong');
  if (isStaying) console.log(`serving ${url}`);
  else server.close();
  if (!isRight) process.exitCode = 1;
}

if (isMainThread) await main();
else {
  const { lock, total, striped, row, counters } = workerData;
  const rounds = StripedCounter.from(striped.rounds);
  const waits = StripedHistogram.from(striped.waits);
  const mutex = Mutex.from(lock);
  const accounts = new LockCounters(counters);
  for (let round = 0; round < ROUNDS; round++) {
    const start = round % 1_000 === 0 ? performance.now() : 0;
    mutex.withLock(() => total[0]++);
    rounds.add();
    if (start > 0) waits.observe((performance.now() - start) / 1_000);
    // Now and then, and outside of the lock.
    if (round % 1_000 === 0) accounts.record(row, mutex.stats());
  }
  accounts.record(row, mutex.stats());
}
