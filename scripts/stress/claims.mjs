// SPDX-License-Identifier: MIT
// Deaths that the history needs, and that the main thread has not heard of yet: someone took a
// lock over, so one of these workers must have died before. Whoever of them writes anything down
// later was alive, and the lock was taken from the living.

/**
 * @typedef {object} Claim
 * @property {number} seq when it was made
 * @property {Set<number>} candidates workers, one of which must be dead
 * @property {string} text what is wrong if none is
 * @property {boolean} isSpared nothing is: someone else may have died with the lock, of whom that
 * is not known
 * @property {number | null} doubtful who that is, if it is again not known once a candidate turns
 * out to be dead
 */

export class Claims {
  /** @type {Claim[]} */
  open = [];
  /** @type {(text: string) => void} */
  #fail;

  /** @param {(text: string) => void} fail */
  constructor(fail) {
    this.#fail = fail;
  }

  /**
   * @param {number} seq
   * @param {Iterable<number>} candidates
   * @param {string} text
   * @param {number | null} [doubtful] spares the claim
   */
  add(seq, candidates, text, doubtful = null) {
    const isSpared = doubtful !== null;
    const claim = { seq, candidates: new Set(candidates), text, isSpared, doubtful };
    if (claim.candidates.size > 0) this.open.push(claim);
    else if (!isSpared) this.#fail(text);
  }

  /** Nobody who is in doubt can have the lock any more. */
  forgetDoubts() {
    for (const claim of this.open) claim.doubtful = null;
  }

  /** A worker wrote something down. @param {number} worker @param {number} seq */
  alive(worker, seq) {
    if (this.open.length > 0) this.#discharge(worker, seq);
  }

  /**
   * A worker died: the oldest claim that it can serve is served.
   * @param {number} worker
   * @returns {Claim | undefined} that one
   */
  serve(worker) {
    const index = this.open.findIndex(({ candidates }) => candidates.has(worker));
    return index < 0 ? undefined : this.open.splice(index, 1)[0];
  }

  /**
   * A worker died of which it is not known whether it had the lock: it may be what a claim wants,
   * and so may others that turn out to be dead. @param {number} worker @returns {boolean} whether
   * there was a claim that lacked one
   */
  spare(worker) {
    const claim = this.open.find(({ candidates, isSpared }) => !isSpared && candidates.has(worker));
    if (claim === undefined) return false;
    claim.isSpared = true;
    claim.doubtful = worker;
    return true;
  }

  /** A worker that died has served all it can. @param {number} worker */
  buried(worker) {
    this.#discharge(worker, Infinity);
  }

  /** The run is over, and whoever has not died by now has not. */
  finish() {
    for (const { text, isSpared } of this.open) if (!isSpared) this.#fail(text);
    this.open = [];
  }

  /** @param {number} worker @param {number} seq */
  #discharge(worker, seq) {
    this.open = this.open.filter((claim) => {
      if (claim.seq < seq) claim.candidates.delete(worker);
      if (claim.candidates.size > 0) return true;
      if (!claim.isSpared) this.#fail(claim.text);
      return false;
    });
  }
}
