// SPDX-License-Identifier: MIT
/**
 * What the options of the simulated kernel, the explorer and the models accept,
 * where several of them take the same.
 */
import { ABI_VERSIONS } from '../abi/interface.ts';
import { arrayOf, objectWith, oneOf, wholeNumber } from '../options.ts';
import type { Check } from '../options.ts';

export const ABI_VERSION: Check = oneOf(ABI_VERSIONS);
export const FEATURE: Check = oneOf(['on', 'off-at-boot', 'absent']);

/** Threads of one kernel, and CPUs, which are no more. */
export const MOST_THREADS = 1024;
export const THREADS: Check = wholeNumber(1, MOST_THREADS);

export const CHOOSER: Check = objectWith('a Chooser, an object with the method pick()', 'pick');

/** Negative ones, too: their low 32 bits count. */
export const SEED: Check = wholeNumber(Number.MIN_SAFE_INTEGER);

const NUMBERS = arrayOf('whole numbers from 0 on', wholeNumber(0));
/** A text is parsed, and refused then. */
export const CHOICES: Check = {
  ...NUMBERS,
  accepts: `${NUMBERS.accepts}, or a text as formatChoices() writes it`,
  isGood: (value) => typeof value === 'string' || NUMBERS.isGood(value),
};
