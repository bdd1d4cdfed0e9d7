// SPDX-License-Identifier: MIT
// Thousands of waits in the event loop, on one lock and on as many locks. Prints how often the
// engine was asked to sleep in a second in which nothing happened, and how often timers ran.
const { waitAsync } = Atomics;
const { setInterval: startInterval, setTimeout: startTimeout } = globalThis;
let sleeps = 0;
let timers = 0;
Object.assign(Atomics, {
  /** @param {Parameters<typeof waitAsync>} rest */
  waitAsync(...rest) {
    sleeps++;
    return waitAsync(...rest);
  },
});
for (const [name, start] of Object.entries({
  setInterval: startInterval,
  setTimeout: startTimeout,
})) {
  Object.assign(globalThis, {
    /** @param {() => void} run @param {number} ms */
    [name]: (run, ms) =>
      start(() => {
        timers++;
        run();
      }, ms),
  });
}
const { Condition, Mutex, RwLock, Semaphore } = await import('rseq-slice');

const WAITERS = 2000;
/** @template T @param {number} count @param {() => T} make */
const times = (count, make) => Array.from({ length: count }, make);
const mutex = new Mutex();
const condition = new Condition();
const semaphore = new Semaphore({ permits: 1 });
const rw = new RwLock();
/** @type {Promise<void>[]} */
const waits = [];
const waitOn = async () => {
  const token = await mutex.lockAsync();
  await condition.waitAsync(token);
  token.unlock();
};
waits.push(...times(WAITERS, waitOn));
const held = [semaphore.tryAcquire(), rw.tryWriteLock()];
waits.push(...times(WAITERS, () => semaphore.withPermitAsync(() => undefined)));
waits.push(...times(WAITERS, () => rw.withReadLockAsync(() => undefined)));
const locks = times(WAITERS, () => new Mutex());
held.push(...locks.map((lock) => lock.tryLock()));
waits.push(...locks.map((lock) => lock.withLockAsync(() => undefined)));
await new Promise((resolve) => startTimeout(resolve, 500));
sleeps = 0;
timers = 0;
await new Promise((resolve) => startTimeout(resolve, 1000));
const report = { sleeps, timers };
condition.notifyAll();
for (const token of held) token?.unlock();
await Promise.all(waits);
console.log(JSON.stringify({ ...report, served: waits.length }));
