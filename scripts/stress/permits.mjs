// SPDX-License-Identifier: MIT
// What a history must be like for a lock that lets one or more holders in: never more than that,
// and whoever died holding it is followed by exactly one holder who is told. With one permit the
// next holder is; with more, the dead keep theirs until someone takes it over.
//
// A worker that died between asking and writing down that it has the lock, or between releasing and
// writing that down, may have held it or not: it is in doubt, and may be followed by one who is
// told, once.

import { Acquired } from './journal.mjs';
import { Claims } from './claims.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {(kind: string, text: string) => void} Fail */

export class PermitsRule {
  /** @type {Set<Operation>} */
  #holders = new Set();
  /** Asking or releasing. @type {Set<Operation>} */
  #open = new Set();
  /** Workers that died with a permit, which nobody has taken over yet. @type {number[]} */
  #dead = [];
  /** Workers that died in doubt. @type {number[]} */
  #doubtful = [];
  #permits;
  #fail;
  claims;

  /** @param {number} permits @param {Fail} fail */
  constructor(permits, fail) {
    this.#permits = permits;
    this.#fail = fail;
    this.claims = new Claims((text) => {
      fail('double holder', text);
    });
  }

  /** @param {Operation} operation */
  start(operation) {
    this.#open.add(operation);
  }

  /** @param {Operation} operation */
  gaveUp(operation) {
    this.#open.delete(operation);
  }

  /** @param {Operation} operation */
  releasing(operation) {
    this.#holders.delete(operation);
    this.#open.add(operation);
  }

  /** @param {Operation} operation */
  released(operation) {
    this.#open.delete(operation);
  }

  /**
   * @param {Operation} operation
   * @param {number} seq
   * @param {number} detail bits of {@link Acquired}
   */
  acquired(operation, seq, detail) {
    const { worker } = operation;
    this.#open.delete(operation);
    const isFull = this.#taken() >= this.#permits;
    if ((detail & Acquired.Abandoned) !== 0) this.#takeOver(worker, seq, isFull);
    this.#holders.add(operation);
    const taken = this.#taken();
    if (taken > this.#permits) {
      const others = [...this.#holders]
        .filter((other) => other !== operation)
        .map((other) => other.worker);
      if (this.#permits === 1 && this.#dead.length > 0) {
        this.#fail(
          'missed abandoned',
          `worker ${worker} has the lock and was not told that worker ${this.#dead.join(', ')} died with it`,
        );
      } else {
        this.#fail(
          'double holder',
          `worker ${worker} has it beside ${this.#permits} other(s): ${this.describe(others)}`,
        );
      }
    }
    // Those who died before this cannot have it besides.
    if (taken >= this.#permits) {
      this.#doubtful = [];
      this.claims.forgetDoubts();
    }
  }

  /** @param {number} worker @param {readonly Operation[]} operations what it had not finished */
  died(worker, operations) {
    for (const operation of operations) {
      if (this.#holders.delete(operation) && !this.#serve(worker)) this.#dead.push(worker);
    }
    // Several that wait in one worker can have had no more permits than there are.
    let doubts = this.#permits;
    for (const operation of operations) {
      if (this.#open.delete(operation) && !this.claims.spare(worker) && doubts-- > 0)
        this.#doubtful.push(worker);
    }
    this.claims.buried(worker);
  }

  /** The run is over; says what is left for whoever takes it next. */
  finish() {
    this.claims.finish();
    return { held: this.#holders.size, dead: this.#dead.length, doubtful: this.#doubtful.length };
  }

  /** @param {readonly number[]} [live] */
  describe(live = [...this.#holders].map(({ worker }) => worker)) {
    const dead = this.#dead.length === 0 ? '' : `, dead with it: ${this.#dead.join(', ')}`;
    return `held by ${live.length === 0 ? 'nobody' : live.map((worker) => `worker ${worker}`).join(', ')}${dead}`;
  }

  /** Who died or must have counts once. */
  #taken() {
    const holds = (/** @type {Set<number>} */ candidates) =>
      [...this.#holders].some(({ worker }) => candidates.has(worker));
    const claimed =
      this.claims.open.length === 0
        ? 0
        : this.claims.open.filter(({ candidates }) => holds(candidates)).length;
    return this.#holders.size + this.#dead.length - claimed;
  }

  /** @param {number} worker @param {number} seq @param {boolean} isFull */
  #takeOver(worker, seq, isFull) {
    if (this.#dead.length > 0) {
      this.#dead.shift();
      return;
    }
    const mustHold = isFull && this.#permits === 1;
    // Someone in doubt has had it, or someone who is not known to be dead yet.
    const doubtful = mustHold ? undefined : this.#doubtful.shift();
    const holders = [...this.#holders].map((operation) => operation.worker);
    const asking = [...this.#open].map((operation) => operation.worker);
    const candidates = new Set(mustHold ? holders : [...holders, ...asking]);
    candidates.delete(worker);
    this.claims.add(
      seq,
      candidates,
      `worker ${worker} took the lock over as abandoned, and nobody had died with it`,
      doubtful,
    );
  }

  /**
   * Whether it was this death that someone was told of. Then it was not the one in doubt, which is
   * as much in doubt as before.
   * @param {number} worker
   */
  #serve(worker) {
    const claim = this.claims.serve(worker);
    if (claim !== undefined && claim.doubtful !== null) this.#doubtful.push(claim.doubtful);
    return claim !== undefined;
  }
}
