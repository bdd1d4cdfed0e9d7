// SPDX-License-Identifier: MIT
// Whether two locks of a kind, used in the same way, are of one hidden class with all that they are
// made of. Run with --allow-natives-syntax. Prints where they are not, in JSON.
import { Condition, Mutex, RwLock, Semaphore, SpinLock } from 'rseq-slice';

// V8's own functions, which no parser but V8's knows.
const haveSameMap = new Function('one', 'other', 'return %HaveSameMap(one, other)');
const isFast = new Function('object', 'return %HasFastProperties(object)');

/** @type {Readonly<Record<string, () => object>>} */
const KINDS = {
  Mutex: () => used(new Mutex(), 'tryLock'),
  SpinLock: () => used(new SpinLock(), 'tryLock'),
  RwLock: () => used(new RwLock(), 'tryReadLock'),
  Semaphore: () => used(new Semaphore({ permits: 2 }), 'tryAcquire'),
  Condition: () => new Condition(),
  LockToken: () => /** @type {object} */ (new Mutex().tryLock()),
};

/** @param {any} lock @param {string} take */
function used(lock, take) {
  lock[take]().unlock();
  return lock;
}

/** @type {string[]} */
const wrong = [];
const seen = new Set();

/** @param {any} one @param {any} other @param {string} path */
function compare(one, other, path) {
  if (typeof one !== 'object' || one === null || seen.has(one)) return;
  seen.add(one);
  if (!haveSameMap(one, other)) wrong.push(`${path}: two hidden classes`);
  if (ArrayBuffer.isView(one) || one instanceof SharedArrayBuffer) return;
  if (!isFast(one)) wrong.push(`${path}: properties in a dictionary`);
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
    if (value !== undefined) compare(value, other[name], `${path}.${name}`);
}

for (const [kind, create] of Object.entries(KINDS)) {
  // The first one of all is not like the others: V8 is still learning.
  create();
  compare(create(), create(), kind);
}
console.log(JSON.stringify(wrong));
