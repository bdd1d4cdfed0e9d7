// SPDX-License-Identifier: MIT
/**
 * What an addon of someone else's needs to have sections in C and C++, in any
 * thread: where the header is, and the functions of the one shim in this process.
 *
 * A thread has one rseq area, so whoever uses it in a process must share what is
 * known of it. That is why such an addon does not compile the shim into itself
 * but is given a table of its functions by JavaScript, at run time. See
 * `rseq_slice(3)` in `native/man/`, and `rseq_slice/slice.h`, for the C side.
 */
import { join } from 'node:path';
import { currentHost } from './host/current.ts';
import { describeFailure } from './host/status.ts';
import type { Reason } from './host/status.ts';
import { checkValue, wholeNumber } from './options.ts';
import { packageFolder } from './place.ts';

export type { Reason } from './host/status.ts';

/** The table, as an external value: only an addon can look inside. */
export interface NativeApi {
  /** There is no such property; no other object has this type. */
  readonly rseqSliceApi: never;
}

/** Why slices are unavailable, for programs and in sentences for people; as in `probe().slices`. */
export interface Explanation {
  /** For programs. */
  readonly reason: Reason;
  /** What stands in the way. */
  readonly explanation: string;
  /** What to do about it. */
  readonly remedy: string;
}

/**
 * The folder of `rseq_slice/slice.h`, an absolute path, for a compiler's include path.
 * Empty where this code was bundled: a bundle has no headers.
 * In a binding.gyp:
 *
 * ```json
 * "include_dirs": ["<!(node -p \"require('rseq-slice/native').include\")"]
 * ```
 */
export const include: string = packageFolder === null ? '' : join(packageFolder, 'native/include');

const host = currentHost();

/**
 * The C interface: the functions of `rseq_slice/slice.h`, `struct rseq_slice_api`
 * in C, as an external value to pass to an addon, which reads it with
 * `rseq_slice_get_api_from_value()` of `rseq_slice/node.h`. The same functions in
 * every thread of the process.
 *
 * Null where the addon of this package is not there or does not load:
 * {@link unavailable} tells why, and sections of the other addon do nothing. On
 * a host without slices it is there, and attaching fails with an errno.
 */
export const api: NativeApi | null = host.cInterface() as NativeApi | null;

/** Why {@link api} is null; null when it is not. */
export const unavailable: Explanation | null = api === null ? pick(host.status) : null;

/** The kernel has none beyond 4095. */
const ERRNO = wholeNumber(-4095, 4095);
/** Another version of the C interface may have more of them. */
const STEP = wholeNumber(0);

/**
 * What a failed `attach` in C means and what to do about it.
 * @param errno what it returned, negative as it is or positive
 * @param step the step it stored
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when that is no errno or step.
 */
export function explain(errno: number, step: number): Explanation {
  checkValue('explain()', 'errno', errno, ERRNO);
  checkValue('explain()', 'step', step, STEP);
  return pick(describeFailure(step, Math.abs(errno)));
}

function pick({ reason, explanation, remedy }: Explanation): Explanation {
  return { reason, explanation, remedy };
}
