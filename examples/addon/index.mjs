// SPDX-License-Identifier: MIT
// The addon, with the C functions of rseq-slice handed to it. `api` is null where rseq-slice has no
// addon of its own; then, as on a kernel without slices, everything works and nothing is granted.
import { createRequire } from 'node:module';
import { api } from 'rseq-slice/native';

/**
 * How the sections of one kind of thread ended.
 * @typedef {object} Tally
 * @property {number} errno 0, or why the thread could not attach
 * @property {number} step which step that was
 * @property {number} booked
 * @property {number} undisturbed
 * @property {number} yielded
 * @property {number} raced
 * @property {number} preempted
 * @property {number} nested
 */

/**
 * @typedef {object} Ledger
 * @property {() => { debit: number, credit: number }} balance
 * @property {() => number} attachHere 0, or an errno
 * @property {() => void} detachHere
 * @property {(rounds: number) => import('rseq-slice').Outcome} bookOnce
 * @property {(milliseconds: number, rounds: number) => Tally} bookHere
 * @property {(milliseconds: number, rounds: number) => Promise<Tally>} bookInPool
 * @property {(milliseconds: number, rounds: number) => Promise<Tally>} bookInThread
 */

/** @type {Ledger} */
export const ledger = createRequire(import.meta.url)('./build/Release/ledger.node').init(api);
