// SPDX-License-Identifier: MIT
/**
 * What proves that a lock is held, and gives it back. One is made for each
 * acquisition, so that an old one can never release what was taken later. That
 * costs some nanoseconds; `withLock` and `acquire` do without.
 */

/** A lock as its tokens see it. */
export interface Owner {
  /** @internal Releases what was taken; `what` tells the lock what that is. */
  giveBack(what: number): void;
}

/**
 * Proof that a lock is held by the code that has it. For `using`, or with `unlock` in a `finally`.
 */
export class LockToken implements Disposable {
  /** Whether the one who held the lock before died with it: what it guards may be half done. */
  abandoned: boolean;
  /** Declared only, as `Thread.word`: a field that is written once can be folded away. */
  declare private owner: Owner | null;
  /** @internal How the lock was taken, in its own terms. */
  declare what: number;
  /** Set while a `Condition` waits with this token, which then holds nothing: ends that wait. */
  declare private stopWaiting: (() => void) | null;

  /** @internal Locks make them. */
  constructor(owner: Owner, what: number, abandoned: boolean) {
    this.owner = owner;
    this.what = what;
    this.stopWaiting = null;
    this.abandoned = abandoned;
  }

  /** Whether the lock is held through this token. */
  get locked(): boolean {
    return this.owner !== null;
  }

  /**
   * Releases the lock; the second time nothing. Of a token that waits with `Condition.waitAsync` it
   * ends the wait, which rejects with `ERR_RSEQ_NOT_LOCKED` and does not take the lock again.
   */
  unlock(): void {
    const { owner } = this;
    if (owner === null) {
      const stop = this.stopWaiting;
      this.stopWaiting = null;
      stop?.();
      return;
    }
    this.owner = null;
    owner.giveBack(this.what);
  }

  /** The same as {@link unlock}, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `LockToken { locked: ${String(this.locked)}, abandoned: ${String(this.abandoned)} }`;
  }

  /**
   * @internal Releases the lock for as long as a `Condition` waits.
   * @param stop called when the token is unlocked meanwhile
   */
  suspend(stop: (() => void) | null): void {
    const { owner } = this;
    this.owner = null;
    owner?.giveBack(this.what);
    this.stopWaiting = stop;
  }

  /** @internal The wait is over; the lock was taken again, or is left (null). */
  resume(owner: Owner | null, what: number, abandoned: boolean): void {
    this.stopWaiting = null;
    this.owner = owner;
    this.what = what;
    this.abandoned = abandoned;
  }

  /** @internal The lock that it belongs to; null: released, or waiting. */
  get of(): Owner | null {
    return this.owner;
  }
}
