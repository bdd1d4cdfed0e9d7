// SPDX-License-Identifier: MIT
/** What `programs/lock-tokens.mjs` must come to. */
export const TOKENS: Readonly<Record<string, unknown>> = {
  twice: 'still held',
  releaseOfBare: 'ok',
  releaseOfToken: 'ERR_RSEQ_NOT_LOCKED',
  stillLocked: true,
  afterwards: 'ok',
  race: 'too late',
  raced: 'still held',
  heldLocked: true,
  lockIsFree: true,
  lockedMeanwhile: false,
  waitsTwice: 'ERR_RSEQ_NOT_LOCKED',
  unlocked: 'ERR_RSEQ_NOT_LOCKED',
  unlockedBefore: 'ERR_RSEQ_NOT_LOCKED',
  isFree: true,
};
