// SPDX-License-Identifier: MIT
/**
 * Running a function with a lock held, for the locks whose holders are known by
 * their places, and what such a function is told of the hold.
 */
import { refusePromise } from '../../sections/thread.ts';
import type { Hold } from '../token.ts';
import type { LockToken, Owner } from '../token.ts';

// One of each for all locks: nothing is allocated, and who keeps one keeps what was true.
const SOUND: Hold = Object.freeze({ abandoned: false });
const ABANDONED: Hold = Object.freeze({ abandoned: true });

/** What a function is told of the hold that it runs with. */
export function holdOf(abandoned: boolean): Hold {
  return abandoned ? ABANDONED : SOUND;
}

/**
 * Runs a function, then gives back what was taken for it.
 * @param what as in {@link Owner.giveBack}
 * @param caller the method, for the error when the function returns a promise
 */
export function runWith<T>(
  owner: Owner,
  what: number,
  abandoned: boolean,
  run: (hold: Hold) => T,
  caller: string,
): T {
  let result: T;
  try {
    result = run(holdOf(abandoned));
  } finally {
    owner.giveBack(what);
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
