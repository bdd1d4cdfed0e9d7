// SPDX-License-Identifier: MIT
// A crew of workers meets at a barrier, in their threads and in their event loops, while they are
// terminated at random, and a new one comes for each. Arguments: a seed; how many die. Prints what
// was wrong.
import { Worker, isMainThread, parentPort, threadId, workerData } from 'node:worker_threads';
import { Barrier, RseqSliceError } from 'rseq-slice';

const PARTIES = 4;
const PATIENCE = 20_000;

/** @param {number} seed @returns {() => number} from 0 to 1 */
function randomOf(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (isMainThread) {
  const [, , seed = '1', deaths = '6'] = process.argv;
  const random = randomOf(Number(seed));
  const barrier = new Barrier({ parties: PARTIES });
  // How often each has come, and passed in all; what was wrong.
  const shared = new Int32Array(new SharedArrayBuffer(4 * (PARTIES + 2)));
  const slow = [];
  /** @param {number} slot */
  const start = (slot) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { slot, seed: Number(seed) * 100 + slot, handle: barrier.handle, shared },
    });
    worker.on('error', (error) => {
      throw error;
    });
    return worker;
  };
  /** @param {Worker} worker @returns {Promise<boolean>} whether it is told in time */
  const isBroken = (worker) =>
    Promise.race([
      new Promise((resolve) => worker.once('message', () => resolve(true))),
      new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE).unref()),
    ]);
  let crew = Array.from({ length: PARTIES }, (_, slot) => start(slot));
  for (let death = 0; death < Number(deaths); death++) {
    const passed = Atomics.load(shared, PARTIES);
    // At any time, once all have come.
    while (Atomics.load(shared, PARTIES) < passed + 2 * PARTIES) await pause(1);
    await pause(random() * 8);
    const slot = Math.floor(random() * PARTIES);
    const told = crew.filter((_, other) => other !== slot).map(isBroken);
    const at = performance.now();
    await crew[slot]?.terminate();
    if ((await Promise.all(told)).includes(false)) {
      console.log(JSON.stringify({ hangs: death, state: String(barrier.waiting) }));
      process.exit(1);
    }
    slow.push(performance.now() - at);
    shared.fill(0, 0, PARTIES);
    barrier.reset();
    for (const [other, worker] of crew.entries()) if (other !== slot) worker.postMessage('again');
    crew = crew.map((worker, other) => (other === slot ? start(slot) : worker));
  }
  await Promise.all(crew.map((worker) => worker.terminate()));
  console.log(
    JSON.stringify({
      wrong: Atomics.load(shared, PARTIES + 1),
      passed: Atomics.load(shared, PARTIES),
      slowest: Math.max(...slow),
    }),
  );
} else {
  const { slot, seed, handle, shared } = workerData;
  const random = randomOf(seed + threadId);
  const barrier = Barrier.from(handle);
  for (;;) {
    const phase = Atomics.add(shared, slot, 1) + 1;
    try {
      const index = random() < 0.7 ? barrier.wait() : await barrier.waitAsync();
      if (!(index >= 0 && index < PARTIES)) Atomics.add(shared, PARTIES + 1, 1);
    } catch (error) {
      if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_BROKEN_BARRIER') throw error;
      parentPort?.postMessage('broken');
      await new Promise((resolve) => parentPort?.once('message', resolve));
      continue;
    }
    // All have come as often, unless the crew is another one by now.
    for (let other = 0; other < PARTIES; other++)
      if (Atomics.load(shared, other) < phase && !barrier.broken)
        Atomics.add(shared, PARTIES + 1, 1);
    Atomics.add(shared, PARTIES, 1);
    if (random() < 0.1) await pause(random());
  }
}
