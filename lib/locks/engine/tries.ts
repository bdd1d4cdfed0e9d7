// SPDX-License-Identifier: MIT
/**
 * Tries with a timeout: waits whose end without the lock is an answer and no
 * error.
 */
import { RseqSliceError } from '../../errors.ts';

/**
 * What a wait got; null: its time was over first.
 * @throws whatever else it throws.
 */
export function nullIfLate<T>(wait: () => T): T | null {
  try {
    return wait();
  } catch (error) {
    if (error instanceof RseqSliceError && error.code === 'ERR_RSEQ_TIMEOUT') return null;
    throw error;
  }
}
