// SPDX-License-Identifier: MIT
/**
 * Running a function with a lock held, for the locks whose holders are known by
 * their tokens.
 */
import { refusePromise } from '../../sections/thread.ts';
import type { LockToken } from '../token.ts';

/** @param caller the method, for the error when the function returns a promise */
export function runWith<T>(token: LockToken, run: (abandoned: boolean) => T, caller: string): T {
  let result: T;
  try {
    result = run(token.abandoned);
  } finally {
    token.unlock();
  }
  if (typeof result === 'object' && result !== null && 'then' in result)
    refusePromise(result, caller, `Use ${caller}Async().`);
  return result;
}

export async function runWithAsync<T>(
  token: LockToken,
  run: (token: LockToken) => T | PromiseLike<T>,
): Promise<T> {
  try {
    return await run(token);
  } finally {
    token.unlock();
  }
}
