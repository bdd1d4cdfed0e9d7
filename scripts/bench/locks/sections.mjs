// The loop that is measured: work outside, lock, work inside, unlock, until the phase is over. Every worker calls it to
// rehearse, then while everybody warms up, and then for the record, so that V8 runs the same code all the time.

import { now } from './clock.mjs';
import { PHASE, SECTIONS } from './phases.mjs';
import { recordWait } from './waits.mjs';
import { spend } from './work.mjs';

/**
 * @typedef {object} Plan
 * @property {Int32Array} control
 * @property {Int32Array} guarded with the count of sections
 * @property {Int32Array} own memory of this worker alone, for the work outside
 * @property {import('./work.mjs').Actor} actor
 * @property {number} units of work inside a section
 * @property {number} gapUnits increments between two sections
 * @property {number} sample one in so many waits is timed
 * @property {boolean} inSection whether the clock may be read inside
 * @property {import('./waits.mjs').RecordableHistogram} waits
 */

/**
 * @typedef {object} Passed
 * @property {number} sections
 * @property {number} seconds
 */

/**
 * @param {Plan} plan
 * @param {import('./kinds.mjs').SyncLock} lock
 * @param {number} phase
 * @param {number} [most] sections
 * @returns {Passed}
 */
export function runSections(plan, lock, phase, most = Number.MAX_SAFE_INTEGER) {
  const { control, guarded, own, actor, units, gapUnits, sample, inSection, waits } = plan;
  let sections = 0;
  let untilSample = 0;
  const started = now();
  while (Atomics.load(control, PHASE) === phase && sections < most) {
    spend(own, 0, gapUnits);
    const timed = untilSample === 0;
    const before = timed ? now() : 0;
    const token = lock.lock();
    let after = timed && inSection ? now() : 0;
    guarded[SECTIONS] = ((guarded[SECTIONS] ?? 0) + 1) | 0;
    actor.work(units);
    lock.unlock(token);
    if (timed) {
      if (!inSection) after = now();
      recordWait(waits, after - before);
      untilSample = sample;
    }
    untilSample--;
    sections++;
  }
  return { sections, seconds: (now() - started) / 1e9 };
}

/**
 * The same for locks that are taken by a promise.
 * @param {Plan} plan
 * @param {import('./kinds.mjs').AsyncLock} lock
 * @param {number} phase
 * @param {number} [most] sections
 * @returns {Promise<Passed>}
 */
export async function runAsyncSections(plan, lock, phase, most = Number.MAX_SAFE_INTEGER) {
  const { control, guarded, own, actor, units, gapUnits, sample, inSection, waits } = plan;
  let sections = 0;
  let untilSample = 0;
  let timed = false;
  let after = 0;
  const section = () => {
    if (timed && inSection) after = now();
    guarded[SECTIONS] = ((guarded[SECTIONS] ?? 0) + 1) | 0;
    actor.work(units);
  };
  const started = now();
  while (Atomics.load(control, PHASE) === phase && sections < most) {
    spend(own, 0, gapUnits);
    timed = untilSample === 0;
    const before = timed ? now() : 0;
    await lock.run(section);
    if (timed) {
      if (!inSection) after = now();
      recordWait(waits, after - before);
      untilSample = sample;
    }
    untilSample--;
    sections++;
  }
  return { sections, seconds: (now() - started) / 1e9 };
}
