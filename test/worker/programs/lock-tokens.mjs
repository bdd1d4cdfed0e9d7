// SPDX-License-Identifier: MIT
// Tokens used twice, in a race, after a release, and beside the holds of another lock object for
// the same memory. Argument: the index.js of the copy that the other object is of, '' for this one.
// Prints what each came to.
import { pathToFileURL } from 'node:url';
import { Condition, Mutex } from 'rseq-slice';

const [, , copy = ''] = process.argv;
const other = copy === '' ? { Mutex, Condition } : await import(pathToFileURL(copy).href);
const options = { blockMainThread: true };
/** @param {number} ms @param {unknown} [value] @returns {Promise<unknown>} */
const pause = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
/** @param {() => unknown} run */
const codeOf = (run) => {
  try {
    run();
    return 'ok';
  } catch (error) {
    return /** @type {import('rseq-slice').RseqSliceError} */ (error).code;
  }
};
const make = () => {
  const first = new Mutex(options);
  return [first, other.Mutex.from(first.handle, options)];
};
/** @type {Record<string, unknown>} */
const report = {};

{
  // An old token, when the other object holds the lock.
  const [first, second] = make();
  const token = first.lock();
  token.unlock();
  second.enter();
  token.unlock();
  report['twice'] = second.tryLock() === null ? 'still held' : 'released';
  report['releaseOfBare'] = codeOf(() => second.leave());
}
{
  // A token's hold is the token's, whichever object releases.
  const [first, second] = make();
  const token = first.lock();
  report['releaseOfToken'] = codeOf(() => second.leave());
  report['stillLocked'] = first.tryLock() === null;
  token.unlock();
  report['afterwards'] = codeOf(() => second.lock().unlock());
}
{
  // Another task's hold, when a wait lost a race: what `using` compiles to.
  const [first, second] = make();
  const condition = new Condition();
  const consumer = async () => {
    const token = await first.lockAsync();
    try {
      return await Promise.race([condition.waitAsync(token), pause(30, 'too late')]);
    } finally {
      token.unlock();
    }
  };
  const late = consumer();
  await pause(10);
  const held = await second.lockAsync();
  report['race'] = await late;
  report['raced'] = second.tryLock() === null ? 'still held' : 'released';
  report['heldLocked'] = held.locked;
  held.unlock();
  condition.notify();
  await pause(30);
  report['lockIsFree'] = second.tryLock() !== null;
}
{
  // Unlocked while it waits, and while it waits for the lock after that.
  const [first, second] = make();
  const condition = new Condition();
  const token = await first.lockAsync();
  const wait = condition.waitAsync(token).then(String, ({ code }) => code);
  report['lockedMeanwhile'] = token.locked;
  report['waitsTwice'] = await condition.waitAsync(token).then(String, ({ code }) => code);
  token.unlock();
  report['unlocked'] = await wait;
  const again = await first.lockAsync();
  const retaking = condition.waitAsync(again).then(String, ({ code }) => code);
  const held = await second.lockAsync();
  condition.notify();
  await pause(10);
  again.unlock();
  held.unlock();
  report['unlockedBefore'] = await retaking;
  report['isFree'] = second.tryLock() !== null;
}
console.log(JSON.stringify(report));
