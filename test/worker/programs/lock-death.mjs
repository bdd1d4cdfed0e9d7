// SPDX-License-Identifier: MIT
// A worker dies with a lock, in every way, while one worker waits for it in its thread and the main
// thread waits in its event loop. Arguments: the kind, and the endings. Prints who of those that
// had it afterwards was told, and how long the first had to wait.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Mutex, RwLock } from 'rseq-slice';
import { kindOf, nextMessage } from './lock-kinds.mjs';

/** @typedef {import('rseq-slice').LockHandle} LockHandle */

/** @param {string} kind @param {LockHandle} handle @param {string} ending */
async function holdAndDie(kind, handle, ending) {
  const lock = kindOf(kind).open(handle);
  let token;
  if (ending === 'exit, taken asynchronously') token = await lock.takeAsync();
  else token = lock.take();
  parentPort?.postMessage(token.abandoned);
  // Until the others wait.
  await new Promise((resolve) => parentPort?.once('message', resolve));
  if (ending === 'throw') throw new Error('on purpose');
  if (ending === 'terminate') for (;;);
  if (ending.startsWith('terminate')) Mutex.from(workerData.other).lock();
  if (ending.startsWith('exit')) process.exit(5);
  parentPort?.close();
}

/** @param {string | undefined} kind @param {string} ending */
async function runCase(kind, ending) {
  const handle = kindOf(kind).create();
  const other = new Mutex();
  const otherToken = await other.lockAsync();
  const start = (/** @type {string} */ role) =>
    new Worker(new URL(import.meta.url), {
      workerData: { role, kind, handle, ending, other: other.handle },
    });
  const victim = start('victim');
  victim.on('error', () => undefined);
  const first = await nextMessage(victim);
  const waiter = start('waiter');
  await nextMessage(waiter);
  /** @type {boolean[]} */
  const told = [];
  const lock = kindOf(kind).open(handle);
  const own = lock.takeAsync().then((token) => {
    told.push(token.abandoned);
    const at = performance.now();
    token.unlock();
    return at;
  });
  const theirs = nextMessage(waiter).then((abandoned) => {
    told.push(abandoned);
    return performance.now();
  });
  const death = new Promise((resolve) => victim.once('exit', resolve)).then(() =>
    performance.now(),
  );
  victim.postMessage('die');
  if (ending.startsWith('terminate')) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    void victim.terminate();
  }
  const died = await death;
  const waited = Math.min(await own, await theirs) - died;
  const token = lock.take();
  told.push(token.abandoned);
  token.unlock();
  otherToken.unlock();
  return { ending, first, told: told.sort(), waited };
}

/** A reader that dies is in nobody's way, and no news. @param {string} ending */
async function runReader(ending) {
  const handle = new RwLock().handle;
  const victim = new Worker(new URL(import.meta.url), {
    workerData: { role: 'reader', handle, ending },
  });
  victim.on('error', () => undefined);
  const death = new Promise((resolve) => victim.once('exit', resolve)).then(() =>
    performance.now(),
  );
  await nextMessage(victim);
  const lock = RwLock.from(handle);
  const own = lock.writeLockAsync().then((token) => ({ token, at: performance.now() }));
  const isBlocked = lock.tryWriteLock() === null;
  if (ending === 'terminate') void victim.terminate();
  else victim.postMessage('die');
  const died = await death;
  const { token, at } = await own;
  const { abandoned } = token;
  token.unlock();
  return { ending, isBlocked, abandoned, waited: at - died };
}

if (isMainThread) {
  const [, , kind, ...endings] = process.argv;
  const results = [];
  const run =
    kind === 'RwLock, read' ? runReader : (/** @type {string} */ ending) => runCase(kind, ending);
  for (const ending of endings) results.push(await run(ending));
  console.log(JSON.stringify(results));
} else {
  const { role, kind, handle, ending } = workerData;
  if (role === 'victim') await holdAndDie(kind, handle, ending);
  else if (role === 'waiter') {
    const lock = kindOf(kind).open(handle);
    parentPort?.postMessage('waits');
    const token = lock.take();
    const { abandoned } = token;
    token.unlock();
    parentPort?.postMessage(abandoned);
  } else {
    RwLock.from(handle).readLock();
    parentPort?.postMessage('reads');
    if (ending === 'terminate') for (;;);
    parentPort?.once('message', () => {
      if (ending === 'exit') process.exit(5);
      if (ending === 'throw') throw new Error('on purpose');
      parentPort?.close();
    });
  }
}
