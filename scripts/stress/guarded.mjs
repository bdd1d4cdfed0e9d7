// SPDX-License-Identifier: MIT
// What each lock guards: a few plain words that two holders at a time would spoil. Two of them add
// up to nothing except in the middle of the work, and one says who works. After a holder's death
// the next who writes repairs them; who only reads must have been told that they may be half done.

const OWNER = 0;
const LEFT = 1;
const RIGHT = 2;
const NOBODY = 0;
export const GUARDED_WORDS = 16;

/** What can be wrong. */
export const Violation = {
  /** At the begin: someone is in, or died and nobody was told. */
  NotClean: 1,
  /** In the middle: another owner. */
  Owner: 2,
  /** In the middle: another one works on the same words. */
  Sum: 3,
  /** They changed while being read. */
  Unstable: 4,
  /** A record is not as it was pushed. */
  Record: 5,
};

export class ViolationError extends Error {
  /** @param {number} code */
  constructor(code) {
    super(
      `What the lock guards is wrong: ${Object.keys(Violation).find((name) => Object(Violation)[name] === code) ?? code}.`,
    );
    this.code = code;
  }
}

export class Guarded {
  #seen = { owner: 0, left: 0, right: 0 };

  /** @param {Int32Array} words */
  constructor(words) {
    this.words = words;
  }

  /**
   * Begins to write.
   * @param {number} worker
   * @param {boolean} isTold that the holder before has died, or may have
   */
  begin(worker, isTold) {
    const { words } = this;
    if (!this.isClean) {
      if (!isTold) throw new ViolationError(Violation.NotClean);
      words[LEFT] = -(words[RIGHT] ?? 0);
    }
    words[OWNER] = worker;
    words[LEFT] = ((words[LEFT] ?? 0) + 1) | 0;
  }

  /** Looks whether it is still alone. @param {number} worker */
  check(worker) {
    if (this.words[OWNER] !== worker) throw new ViolationError(Violation.Owner);
    if (this.#sum() !== 1) throw new ViolationError(Violation.Sum);
  }

  /** @param {number} worker */
  end(worker) {
    this.check(worker);
    this.words[RIGHT] = ((this.words[RIGHT] ?? 0) - 1) | 0;
    this.words[OWNER] = NOBODY;
  }

  /** Begins to read. @param {boolean} isTold that a writer has died, or may have */
  beginReading(isTold) {
    if (!isTold && !this.isClean) throw new ViolationError(Violation.NotClean);
    const [owner = 0, left = 0, right = 0] = this.words;
    this.#seen = { owner, left, right };
  }

  /** Whoever reads sees the same all the time, be it what a dead writer left. */
  checkReading() {
    const [owner, left, right] = this.words;
    const { owner: seen, left: before, right: beside } = this.#seen;
    if (owner !== seen || left !== before || right !== beside)
      throw new ViolationError(Violation.Unstable);
  }

  get isClean() {
    return this.words[OWNER] === NOBODY && this.#sum() === 0;
  }

  #sum() {
    return ((this.words[LEFT] ?? 0) + (this.words[RIGHT] ?? 0)) | 0;
  }
}
