// SPDX-License-Identifier: MIT
// Workers push and pop, in their threads and in their event loops, while they are terminated at
// random, and new ones come for them. Arguments: a seed; how many die. Each record has its sender,
// its number and a sum over itself. Prints how many were lost, came twice, out of order or torn.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Queue } from 'rseq-slice';

const [PUSHERS, POPPERS] = [3, 3];
const WORDS = 12;
// Counters in shared memory: for each sender the last number it pushed; for each receiver the
// numbers of senders that it had, in a log.
const SENDERS = 256;
const LOG = 1 << 17;

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
  const [, , seed = '1', deaths = '12'] = process.argv;
  const random = randomOf(Number(seed));
  const queue = new Queue({ capacity: 5, recordBytes: WORDS * 4 });
  const pushed = new Int32Array(new SharedArrayBuffer(SENDERS * 4));
  const log = new Int32Array(new SharedArrayBuffer((LOG + 2) * 4));
  let sender = 0;
  /** @param {'push' | 'pop'} role */
  const start = (role) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: {
        role,
        seed: Number(seed) * 1000 + sender,
        sender,
        handle: queue.handle,
        pushed,
        log,
      },
    });
    sender++;
    worker.on('error', (error) => {
      throw error;
    });
    return { role, worker, ended: new Promise((resolve) => worker.once('exit', resolve)) };
  };
  const crew = [
    ...Array.from({ length: PUSHERS }, () => start('push')),
    ...Array.from({ length: POPPERS }, () => start('pop')),
  ];
  let poppersDied = 0;
  let pushersDied = 0;
  const slow = [];
  for (let death = 0; death < Number(deaths); death++) {
    const at = Atomics.load(log, LOG);
    const since = performance.now();
    // It goes on after each death.
    while (Atomics.load(log, LOG) < at + 50) {
      if (performance.now() - since > 20_000) {
        console.log(JSON.stringify({ hangs: death, length: queue.length }));
        process.exit(1);
      }
      await pause(1);
    }
    slow.push(performance.now() - since);
    await pause(random() * 8);
    const index = Math.floor(random() * crew.length);
    const { role, worker } = crew[index] ?? start('push');
    await worker.terminate();
    if (role === 'pop') poppersDied++;
    else pushersDied++;
    crew[index] = start(role);
  }
  for (const { role, worker } of crew) if (role === 'push') worker.postMessage('enough');
  await Promise.all(crew.filter(({ role }) => role === 'push').map(({ ended }) => ended));
  queue.close();
  await Promise.all(crew.map(({ ended }) => ended));
  const count = Atomics.load(log, LOG);
  /** @type {Map<number, Set<number>>} */
  const had = new Map();
  let twice = 0;
  for (let i = 0; i < count; i++) {
    const [from, number] = [(log[i] ?? 0) >>> 20, (log[i] ?? 0) & 0xfffff];
    const numbers = had.get(from) ?? new Set();
    if (numbers.has(number)) twice++;
    had.set(from, numbers.add(number));
  }
  let lost = 0;
  for (let from = 0; from < sender; from++)
    for (let number = 1; number <= (pushed[from] ?? 0); number++)
      if (had.get(from)?.has(number) !== true) lost++;
  console.log(
    JSON.stringify({
      popped: count,
      // One that popped may have had one in hand; one that pushed counts before it knows.
      isTooMuchLost: lost > poppersDied,
      twice,
      torn: Atomics.load(log, LOG + 1),
      isEmpty: queue.length === 0,
      lost,
      died: [pushersDied, poppersDied],
      slowest: Math.max(...slow),
    }),
  );
} else {
  const { role, seed, sender, handle, pushed, log } = workerData;
  const random = randomOf(seed);
  const queue = Queue.from(handle);
  let isEnough = false;
  parentPort?.once('message', () => (isEnough = true)).unref();
  const sum = (/** @type {Int32Array} */ words) =>
    words.subarray(1).reduce((a, b) => (a + b) | 0, 0);
  if (role === 'push') {
    for (let number = 1; !isEnough; number++) {
      const words = new Int32Array(3 + Math.floor(random() * (WORDS - 2)));
      words.set([0, sender, number]);
      for (let i = 3; i < words.length; i++) words[i] = (random() * 2 ** 32) | 0;
      words[0] = sum(words);
      const record = new Uint8Array(words.buffer);
      if (random() < 0.7) queue.push(record);
      else if (random() < 0.5) await queue.pushAsync(record);
      else while (!queue.tryPush(record, { timeout: 5 }));
      Atomics.store(pushed, sender, number);
      if (random() < 0.05) await pause(random() * 2);
      else if (random() < 0.1) await new Promise((resolve) => setImmediate(resolve));
    }
  } else {
    const last = new Map();
    for (;;) {
      const how = random();
      const record =
        how < 0.7
          ? queue.pop()
          : how < 0.85
            ? await queue.popAsync()
            : queue.tryPop({ timeout: 5 });
      if (record === null) {
        if (queue.closed && queue.length === 0) break;
        continue;
      }
      const words = new Int32Array(record.buffer);
      const [check, from = 0, number = 0] = words;
      if (words.length < 3 || check !== sum(words) || number <= (last.get(from) ?? 0))
        Atomics.add(log, LOG + 1, 1);
      last.set(from, number);
      const at = Atomics.add(log, LOG, 1);
      log[at] = (from << 20) | number;
      if (random() < 0.05) await pause(random() * 2);
    }
  }
}
