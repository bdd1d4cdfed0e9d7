// SPDX-License-Identifier: MIT
// Workers that observe into one StripedHistogram, while the main thread drains. Arguments: how many
// workers, how many values each. Prints what came out.
import { once } from 'node:events';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { StripedHistogram } from '../../../dist/index.js';

const BUCKETS = [1, 10, 100];
/** One for each bucket, and sums that carry over often. */
const VALUES = [0.5, 7, 64, 2 ** 26 + 1];

if (!isMainThread) {
  const { handle, values } = workerData;
  const histogram = StripedHistogram.from(handle);
  for (let value = 0; value < values; value++)
    histogram.observe(VALUES[value % VALUES.length] ?? 0);
} else {
  const [workers = 8, values = 100_000] = process.argv.slice(2).map(Number);
  const histogram = new StripedHistogram({ buckets: BUCKETS, unit: 0.5 });
  const crew = Array.from(
    { length: workers },
    () =>
      new Worker(new URL(import.meta.url), { workerData: { handle: histogram.handle, values } }),
  );
  let isOver = false;
  const ended = Promise.all(crew.map((worker) => once(worker, 'exit'))).then((codes) => {
    isOver = true;
    return codes.flat();
  });
  const taken = BUCKETS.concat(Infinity).map(() => 0);
  let sum = 0;
  let drains = 0;
  const drain = () => {
    const part = histogram.drain();
    for (const [index, { count }] of part.buckets.entries())
      taken[index] = (taken[index] ?? 0) + count;
    sum += part.sum;
    drains++;
  };
  while (!isOver) {
    drain();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const codes = await ended;
  drain();
  const { count, buckets, sum: total } = histogram.snapshot();
  console.log(
    JSON.stringify({
      codes,
      drains,
      count,
      counts: buckets.map((bucket) => bucket.count),
      taken,
      sum,
      total,
      expected:
        (VALUES.reduce((before, value) => before + value) * values * workers) / VALUES.length,
    }),
  );
}
