// SPDX-License-Identifier: MIT
// Why an operation did not get what it wanted, from what it threw.

import { Refusal } from './journal.mjs';

/** What signals are aborted with. */
export const ABORTED = 'stress: aborted on purpose';

/** By the codes of the library. @type {Readonly<Record<string, number>>} */
const CODES = {
  ERR_RSEQ_TIMEOUT: Refusal.TimedOut,
  ERR_RSEQ_CLOSED: Refusal.Closed,
  ERR_RSEQ_BROKEN_BARRIER: Refusal.Broken,
};

/** @param {unknown} error @returns {number} throws what nobody expects */
export function refusalOf(error) {
  const refusal = error === ABORTED ? Refusal.Aborted : CODES[Object(error).code];
  if (refusal === undefined) throw error;
  return refusal;
}
