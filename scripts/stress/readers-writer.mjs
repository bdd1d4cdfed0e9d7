// SPDX-License-Identifier: MIT
// What a history must be like for a lock of readers and writers: nobody beside a writer; and when a
// writer died with the lock, all who read before the next writer has it are told, and so is that
// writer, and nobody else. Dead readers go unnoticed.
//
// A writer that died between asking and writing down that it has the lock, or between releasing and
// writing that down, may have died writing or not: it is in doubt until someone was told, or was
// not, who asked after its death.

import { Acquired, Start } from './journal.mjs';
import { Claims } from './claims.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./permits.mjs').Fail} Fail */

const isReading = (/** @type {Operation} */ { detail }) => (detail & Start.Reading) !== 0;

export class ReadersWriterRule {
  /**
   * Who writes as far as it wrote down; without an operation it is known to have died.
   * @type {{ worker: number, operation: Operation | null } | null}
   */
  #writer = null;
  /** @type {Set<Operation>} */
  #readers = new Set();
  /** Asking or releasing. @type {Set<Operation>} */
  #open = new Set();
  /**
   * A writer died with the lock, and none has had it since: why, and when someone was told of it
   * first.
   * @type {{ why: string, since: number } | null}
   */
  #torn = null;
  /**
   * Writers that died in doubt since the last one had it, and when that was heard of.
   * @type {{ worker: number, seq: number }[]}
   */
  #doubtful = [];
  #fail;
  claims;

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

  /**
   * @param {Operation} operation
   * @param {number} seq
   * @param {number} detail bits of {@link Acquired}
   */
  acquired(operation, seq, detail) {
    const { worker } = operation;
    this.#open.delete(operation);
    const who = `worker ${worker}, which ${isReading(operation) ? 'reads' : 'writes'},`;
    const isTold = (detail & Acquired.Abandoned) !== 0;
    if (this.#writer !== null) this.#follow(this.#writer, who, seq);
    if (isTold) this.#wasTold(worker, who, seq);
    else this.#wasNotTold(operation, who);
    if (isReading(operation)) {
      this.#readers.add(operation);
      return;
    }
    for (const reader of this.#readers)
      this.claims.add(
        seq,
        [reader.worker],
        `${who} has the lock beside worker ${reader.worker}, which reads`,
      );
    this.#readers.clear();
    this.#writer = { worker, operation };
    this.#torn = null;
    this.#doubtful = [];
  }

  /**
   * @param {number} worker
   * @param {readonly Operation[]} operations what it had not finished
   * @param {number} seq
   */
  died(worker, operations, seq) {
    for (const operation of operations) {
      if (this.#readers.delete(operation)) continue;
      if (this.#writer?.operation === operation) {
        this.#writer = { worker, operation: null };
        this.#torn = { why: `worker ${worker} died writing`, since: -1 };
      } else if (
        this.#open.delete(operation) &&
        !isReading(operation) &&
        !this.claims.serve(worker)
      ) {
        this.#doubtful.push({ worker, seq });
      }
    }
    // A writer or reader that was followed before its death was heard of is in no set any more.
    while (this.claims.serve(worker));
  }

  /** The run is over; says what is left for whoever takes it next. */
  finish() {
    this.claims.finish();
    const held =
      this.#readers.size + (this.#writer !== null && this.#writer.operation !== null ? 1 : 0);
    return {
      held,
      dead: this.#torn === null ? 0 : 1,
      doubtful: this.#torn === null ? Math.min(1, this.#doubtful.length) : 0,
    };
  }

  describe() {
    const readers = [...this.#readers].map(({ worker }) => `worker ${worker}`).join(', ');
    const writer =
      this.#writer === null
        ? 'nobody'
        : `worker ${this.#writer.worker}${this.#writer.operation === null ? ', which is dead' : ''}`;
    return `written by ${writer}, read by ${readers === '' ? 'nobody' : readers}`;
  }

  /**
   * Someone has the lock after a writer that has not released it.
   * @param {{ worker: number, operation: Operation | null }} writer
   * @param {string} who
   * @param {number} seq
   */
  #follow({ worker, operation }, who, seq) {
    this.#writer = null;
    if (operation === null) return;
    this.claims.add(seq, [worker], `${who} has the lock beside worker ${worker}, which writes`);
    this.#torn = { why: `worker ${worker} must have died writing`, since: -1 };
  }

  /** @param {number} worker @param {string} who @param {number} seq */
  #wasTold(worker, who, seq) {
    if (this.#torn !== null) return;
    this.#torn = { why: `${who} was told that a writer had died`, since: seq };
    if (this.#doubtful.length > 0) return;
    const writers = [...this.#open].filter((other) => !isReading(other) && other.worker !== worker);
    this.claims.add(
      seq,
      writers.map((other) => other.worker),
      `${who} was told that the lock was abandoned, and no writer had died`,
    );
  }

  /** @param {Operation} operation @param {string} who */
  #wasNotTold(operation, who) {
    // A reader that had the lock before the writer who died may write that down after others were
    // told of the death.
    if (this.#torn !== null && (!isReading(operation) || operation.seq > this.#torn.since)) {
      this.#fail(
        'missed abandoned',
        `${who} was not told that the lock was abandoned, though ${this.#torn.why}`,
      );
      this.#torn = null;
    }
    // Nobody who had died before this one asked had died writing.
    this.#doubtful = this.#doubtful.filter((death) => death.seq > operation.seq);
  }
}
