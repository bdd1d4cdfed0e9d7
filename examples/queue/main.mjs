// SPDX-License-Identifier: MIT
// Two producers and two consumers around a queue for eight items, with an item that is refused and
// a worker that ends at once. It ends with 0 if every number arrived once, and else with 1.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { RseqSliceError } from 'rseq-slice';
import { JsonQueue } from './queue.mjs';

const ITEMS = 2_000;

/** What each kind of worker does, and tells in the end. */
const ROLES = {
  /** @param {JsonQueue} queue @param {number} first */
  producer(queue, first) {
    for (let number = first; number < first + ITEMS; number++) queue.put({ number });
    try {
      queue.put('x'.repeat(1_000));
    } catch (error) {
      if (!RseqSliceError.is(error)) throw error;
      return { refused: error.message };
    }
    throw new Error('An item that is too long was taken.');
  },

  /** @param {JsonQueue} queue */
  consumer(queue) {
    const numbers = [];
    for (let item = queue.take(); item !== null; item = queue.take())
      numbers.push(item.value.number);
    return numbers;
  },

  /** Ends at once; what it put stays in the queue. @param {JsonQueue} queue */
  casualty(queue) {
    queue.put({ number: -1 });
    process.exit();
  },
};

/**
 * @param {keyof typeof ROLES} role
 * @param {JsonQueue} queue
 * @param {number} [first]
 * @returns {Promise<any>} what it told
 */
function start(role, queue, first = 0) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { role, handle: queue.handle, first },
  });
  return new Promise((resolve, reject) => {
    /** @type {unknown} */
    let told;
    worker.once('message', (message) => (told = message));
    worker.once('error', reject);
    worker.once('exit', () => resolve(told));
  });
}

async function main() {
  const queue = JsonQueue.create({ capacity: 8 });
  const consumers = [start('consumer', queue), start('consumer', queue)];
  const producers = [start('producer', queue, 0), start('producer', queue, ITEMS)];
  await start('casualty', queue);
  const told = await Promise.all(producers);
  queue.close();
  const received = (await Promise.all(consumers)).flat();

  const wanted = Array.from({ length: 2 * ITEMS + 1 }, (_, index) => index - 1);
  received.sort((a, b) => a - b);
  const isRight = received.join() === wanted.join() && queue.length === 0;
  console.log(`refused: ${told[0].refused}`);
  console.log(
    `${received.length} items, ${isRight ? 'each of them once' : 'not each of them once'}`,
  );
  if (!isRight) process.exitCode = 1;

  // Closed is closed. In the main thread the queue is free, so nothing blocks.
  try {
    queue.put(1);
    process.exitCode = 1;
  } catch (error) {
    if (!RseqSliceError.is(error)) throw error;
    console.log(`after close(): ${error.message}`);
  }
}

if (isMainThread) await main();
else {
  /** @type {{ role: keyof typeof ROLES, handle: JsonQueue['handle'], first: number }} */
  const { role, handle, first } = workerData;
  parentPort?.postMessage(ROLES[role](JsonQueue.from(handle), first));
}
