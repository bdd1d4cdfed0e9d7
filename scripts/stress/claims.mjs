// Deaths that the history needs, and that the main thread has not heard of yet: somebody took a lock over, so one of
// these workers must have died before. Whoever of them writes anything down later was alive, and the lock was taken
// from the living.

/**
 * @typedef {object} Claim
 * @property {number} seq when it was made
 * @property {Set<number>} candidates workers, one of which must be dead
 * @property {string} text what is wrong if none is
 * @property {boolean} isSpared nothing is: somebody else may have died with the lock, of whom that is not known
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

  /** @param {number} seq @param {Iterable<number>} candidates @param {string} text @param {boolean} [isSpared] */
  add(seq, candidates, text, isSpared = false) {
    const claim = { seq, candidates: new Set(candidates), text, isSpared };
    if (claim.candidates.size > 0) this.open.push(claim);
    else if (!isSpared) this.#fail(text);
  }

  /** A worker wrote something down. @param {number} worker @param {number} seq */
  alive(worker, seq) {
    if (this.open.length > 0) this.#discharge(worker, seq);
  }

  /** A worker died: the oldest claim that it can serve is served. @param {number} worker @returns {boolean} whether there was one */
  serve(worker) {
    const index = this.open.findIndex(({ candidates }) => candidates.has(worker));
    if (index < 0) return false;
    this.open.splice(index, 1);
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
