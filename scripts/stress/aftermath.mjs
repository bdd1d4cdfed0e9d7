// SPDX-License-Identifier: MIT
// What must be so when all workers have ended: every lock can be had, as often as it has permits,
// and says that it was abandoned if the history says so; and what it guards is whole, or known not
// to be.

import { readRecord } from './series.mjs';

/** @typedef {import('./subjects.mjs').Subject} Subject */
/** @typedef {{ held: number, dead: number, doubtful: number }} Left */

/**
 * @param {Subject} subject
 * @param {Left} left as the history has it
 * @param {number} timeout ms
 * @returns {Promise<string[]>} what is wrong
 */
export async function inspect({ faces, permits, guarded }, left, timeout) {
  const wrong = [];
  if (left.held > 0) wrong.push(`${left.held} hold it, and all have ended`);
  const [reading] = faces;
  const face = faces[faces.length - 1];
  const tokens = [];
  /**
   * What a reader is told, which cannot repair it and leaves word to the writer. @type
   * {boolean | null}
   */
  let isTorn = null;
  try {
    if (permits === 'rw') {
      const token = await reading?.lockAsync({ timeout });
      isTorn = token?.abandoned === true;
      token?.unlock();
    }
    for (let i = 0; i < (permits === 'rw' ? 1 : permits); i++)
      tokens.push(await face?.lockAsync({ timeout }));
  } catch (error) {
    wrong.push(
      `it cannot be had any more, after ${tokens.length} times: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const abandoned = tokens.filter((token) => token?.abandoned === true).length;
  if (wrong.length === 0 && (abandoned < left.dead || abandoned > left.dead + left.doubtful)) {
    wrong.push(
      `${abandoned} of those who took it last were told that it was abandoned, where ${left.dead} had died with it and ${left.doubtful} may have`,
    );
  }
  if (isTorn !== null && isTorn !== abandoned > 0)
    wrong.push(
      `the last reader was told ${isTorn ? 'that it was abandoned' : 'nothing'}, and the writer after it was told otherwise`,
    );
  if (abandoned === 0 && left.dead === 0 && !guarded.isClean)
    wrong.push('what it guards is half done, and nobody died with it');
  for (const token of tokens) token?.unlock();
  return wrong;
}

/**
 * What is left in queues.
 * @param {import('./series.mjs').Series} series
 */
export function drain(series) {
  const left = [];
  for (let which = 0; which <= series.current(true); which++) {
    const queue = series.at(which);
    for (let record = queue.tryPop(); record !== null; record = queue.tryPop())
      left.push({ which, id: readRecord(record) });
  }
  return left;
}

/**
 * A barrier is as new after a reset, whoever died at it.
 * @param {import('rseq-slice').Barrier} barrier @param {number} timeout ms
 * @returns {Promise<string[]>} what is wrong
 */
export async function meet(barrier, timeout) {
  barrier.reset();
  try {
    const waits = Array.from({ length: barrier.parties }, () => barrier.waitAsync({ timeout }));
    const places = await Promise.all(waits);
    if (places.every((place, index) => place === index)) return [];
    return [`its parties got the places ${places.join(', ')} one after the other`];
  } catch (error) {
    return [
      `nobody can pass it any more: ${error instanceof Error ? error.message : String(error)}`,
    ];
  }
}
