// What a history must be like for a lock of readers and writers: nobody beside a writer, and a writer that died is
// followed by exactly one, reader or writer, who is told. Dead readers go unnoticed.
//
// Two things the lock does make this looser. A writer that died while it waited for readers to leave counts as one that
// died writing. And once a reader is told, others may read beside it: they may write that down before it does, or it
// dies and never does.

import { Acquired, Start } from './journal.mjs';
import { Claims } from './claims.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

const isReading = (/** @type {Operation} */ { detail }) => (detail & Start.Reading) !== 0;

export class ReadersWriterRule {
  /** @type {{ worker: number, operation: Operation | null } | null} */
  #writer = null;
  /** @type {Set<Operation>} */
  #readers = new Set();
  /** @type {Set<Operation>} */
  #open = new Set();
  /** Writers that died in doubt, and when. @type {{ worker: number, seq: number }[]} */
  #doubtful = [];
  /** Readers that died asking, since the writer there is came. */
  #lostReaders = 0;
  /** Readers one of which must have been told of a dead writer, or have died. @type {{ candidates: Set<Operation>, text: string }[]} */
  #excuses = [];
  #fail;
  claims;
  /** How often nobody was told of a dead writer, and a reader that died may have been. */
  lostWithReader = 0;

  /** @param {Fail} fail */
  constructor(fail) {
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
    this.#excuse(operation, false);
  }

  /** @param {Operation} operation */
  releasing(operation) {
    if (this.#writer?.operation === operation) this.#writer = null;
    this.#readers.delete(operation);
    this.#open.add(operation);
  }

  /** @param {Operation} operation */
  released(operation) {
    this.#open.delete(operation);
  }

  /** @param {Operation} operation @param {number} seq @param {number} detail bits of {@link Acquired} */
  acquired(operation, seq, detail) {
    const { worker } = operation;
    this.#open.delete(operation);
    const isAbandoned = (detail & Acquired.Abandoned) !== 0;
    const isExcuse = this.#excuse(operation, isAbandoned);
    const who = `worker ${worker}, which ${isReading(operation) ? 'reads' : 'writes'},`;
    if (this.#writer !== null) this.#follow(this.#writer, who, seq, isAbandoned);
    else if (isAbandoned && !isExcuse && this.#doubtful.shift() === undefined) {
      const writers = [...this.#open].filter((other) => !isReading(other) && other.worker !== worker);
      this.claims.add(seq, writers.map((other) => other.worker), `${who} was told that the lock was abandoned, and no writer had died`);
    }
    this.#lostReaders = 0;
    if (isReading(operation)) {
      this.#readers.add(operation);
      // Whoever died before this reader asked would have been noticed by it, or by another reader just before.
      if (![...this.#open].some(isReading)) this.#doubtful = this.#doubtful.filter((death) => death.seq > operation.seq);
      return;
    }
    this.#writer = { worker, operation };
    this.#doubtful = [];
    for (const reader of this.#readers) this.claims.add(seq, [reader.worker], `${who} has the lock beside worker ${reader.worker}, which reads`);
    this.#readers.clear();
  }

  /** @param {number} worker @param {readonly Operation[]} operations @param {number} seq */
  died(worker, operations, seq) {
    for (const operation of operations) {
      if (this.#excuse(operation, true)) this.lostWithReader++;
      if (this.#readers.delete(operation)) continue;
      if (this.#writer?.operation === operation) {
        if (!this.claims.serve(worker)) this.#writer = { worker, operation: null };
      } else if (this.#open.delete(operation) && !this.claims.serve(worker)) {
        if (!isReading(operation)) this.#doubtful.push({ worker, seq });
        else if (operation.state === 'asking') this.#lostReaders++;
      }
    }
    // A writer or reader that was followed before its death was heard of is in no set any more.
    while (this.claims.serve(worker));
  }

  /** The run is over; says what is left for whoever takes it next. */
  finish() {
    this.claims.finish();
    for (const { text } of this.#excuses) this.#fail('missed abandoned', text);
    const isDead = this.#writer !== null && this.#writer.operation === null;
    return { held: this.#readers.size + (this.#writer !== null && !isDead ? 1 : 0), dead: isDead && this.#lostReaders === 0 ? 1 : 0, doubtful: this.#doubtful.length + this.#lostReaders };
  }

  describe() {
    const readers = [...this.#readers].map(({ worker }) => `worker ${worker}`).join(', ');
    const writer = this.#writer === null ? 'nobody' : `worker ${this.#writer.worker}${this.#writer.operation === null ? ', which is dead' : ''}`;
    return `written by ${writer}, read by ${readers === '' ? 'nobody' : readers}`;
  }

  /** @param {{ worker: number, operation: Operation | null }} writer @param {string} who @param {number} seq @param {boolean} isAbandoned */
  #follow(writer, who, seq, isAbandoned) {
    const isDead = writer.operation === null;
    this.#writer = null;
    if (!isDead) this.claims.add(seq, [writer.worker], `${who} has the lock beside worker ${writer.worker}, which writes`);
    if (isAbandoned) return;
    const text = `${who} has the lock and was not told that worker ${writer.worker} died writing`;
    if (this.#lostReaders > 0) {
      this.lostWithReader++;
      return;
    }
    const readers = [...this.#open].filter((other) => isReading(other) && other.state === 'asking');
    if (readers.length > 0) this.#excuses.push({ candidates: new Set(readers), text });
    else this.#fail(isDead ? 'missed abandoned' : 'double holder', isDead ? text : `${who} has the lock beside worker ${writer.worker}, which writes`);
  }

  /** A reader has the lock, or will not get it. @param {Operation} operation @param {boolean} isGood told, or dead @returns {boolean} whether that is what was missing */
  #excuse(operation, isGood) {
    const index = this.#excuses.findIndex(({ candidates }) => candidates.has(operation));
    if (index < 0) return false;
    if (isGood) {
      this.#excuses.splice(index, 1);
      return true;
    }
    this.#excuses = this.#excuses.filter(({ candidates, text }) => {
      candidates.delete(operation);
      if (candidates.size > 0) return true;
      this.#fail('missed abandoned', text);
      return false;
    });
    return false;
  }
}
