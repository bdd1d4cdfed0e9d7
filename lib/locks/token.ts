// SPDX-License-Identifier: MIT
/**
 * What proves that a lock is held, and gives it back. One is made for each
 * acquisition, so that an old one can never release what was taken later. That
 * costs some nanoseconds; `withLock` and `enter` do without.
 *
 * What locks do with their tokens beside that is in the functions at the end,
 * which only this package can import: a token's own members are for its users.
 */
import { printAs } from './engine/posting.ts';

/** What the function of `withLock`, `withReadLock`, `withWriteLock` and `withPermit` gets. */
export interface Hold {
  /** Whether the one who held the lock before died with it: what it guards may be half done. */
  readonly abandoned: boolean;
}

/** A lock as its tokens see it. */
export interface Owner {
  /** Releases what was taken; `what` tells the lock what that is. */
  giveBack(what: number): void;
}

/** A token as this package sees it, whose users see none of that. */
interface Inside {
  owner: Owner | null;
  what: number;
  stopWaiting: (() => void) | null;
  isAbandoned: boolean;
}

/**
 * Proof that a lock is held by the code that has it. For `using`, or with `unlock` in a `finally`.
 */
export class LockToken implements Hold, Disposable {
  /** Declared only, as `Thread.word`: a field that is written once can be folded away. */
  declare private owner: Owner | null;
  /** How the lock was taken, in its own terms. */
  declare private what: number;
  /** Set while a `Condition` waits with this token, which then holds nothing: ends that wait. */
  declare private stopWaiting: (() => void) | null;
  declare private isAbandoned: boolean;

  private constructor(owner: Owner, what: number, abandoned: boolean) {
    this.owner = owner;
    this.what = what;
    this.stopWaiting = null;
    this.isAbandoned = abandoned;
  }

  static {
    printAs(
      LockToken.prototype,
      ({ locked, abandoned }) =>
        `LockToken { locked: ${String(locked)}, abandoned: ${String(abandoned)} }`,
    );
  }

  /** Whether the one who held the lock before died with it: what it guards may be half done. */
  get abandoned(): boolean {
    return this.isAbandoned;
  }

  /** Whether the lock is held through this token. */
  get locked(): boolean {
    return this.owner !== null;
  }

  /**
   * Releases the lock; the second time nothing. Of a token that waits with `Condition.waitAsync` it
   * ends the wait, which rejects with `ERR_RSEQ_NOT_LOCKED` and does not take the lock again.
   * @returns true: this call released it. False: it was released before, or waited.
   * @throws {RseqSliceError} `ERR_RSEQ_NOT_LOCKED` when the lock is not held through it any more,
   * and others may hold it.
   */
  unlock(): boolean {
    const { owner } = this;
    if (owner === null) {
      const stop = this.stopWaiting;
      this.stopWaiting = null;
      stop?.();
      return false;
    }
    this.owner = null;
    owner.giveBack(this.what);
    return true;
  }

  /** The same as {@link unlock}, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }
}

/** Its constructor, a constant that V8 folds into the code of those who take a lock. */
const Token = LockToken as unknown as new (
  owner: Owner,
  what: number,
  abandoned: boolean,
) => LockToken;

/** The same object with what its users do not see. */
const inside = (token: LockToken): Inside => token as unknown as Inside;

/** The token of what was just taken. */
export function createToken(owner: Owner, what: number, abandoned: boolean): LockToken {
  return new Token(owner, what, abandoned);
}

/** The lock that a token belongs to; null: released, or waiting. */
export function ownerOf(token: LockToken): Owner | null {
  return inside(token).owner;
}

/** How the lock was taken, in its own terms. */
export function whatOf(token: LockToken): number {
  return inside(token).what;
}

/**
 * Releases the lock for as long as a `Condition` waits.
 * @param stop called when the token is unlocked meanwhile
 */
export function suspend(token: LockToken, stop: (() => void) | null): void {
  const own = inside(token);
  const { owner } = own;
  own.owner = null;
  owner?.giveBack(own.what);
  own.stopWaiting = stop;
}

/** The wait is over; the lock was taken again, or is left (null). */
export function resume(
  token: LockToken,
  owner: Owner | null,
  what: number,
  abandoned: boolean,
): void {
  const own = inside(token);
  own.stopWaiting = null;
  own.owner = owner;
  own.what = what;
  own.isAbandoned = abandoned;
}
