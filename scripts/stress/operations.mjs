// SPDX-License-Identifier: MIT
// What a worker does with a lock, one operation after the other, and writes down. Every way to take
// a lock is used, with work of random length inside, during which the worker may be told to end.
// Some operations wait in the event loop beside the others, which may block the thread meanwhile,
// or compute.
//
// A thread that blocks while it has a lock can wait for one that waits for it. So whoever is about
// to block first lets the event loop come round until nothing is held that was taken beside; and
// takes one lock only.

import { end, ordered } from './endings.mjs';
import { ViolationError } from './guarded.mjs';
import { BARRIER_STYLES, BarrierWays } from './barrier-ways.mjs';
import { Acquired, Call, Refusal, Start, Type } from './journal.mjs';
import { QUEUE_STYLES, QueueWays } from './queue-ways.mjs';
import { spin } from './spin.mjs';
import { isReserved } from './subjects.mjs';
import { ABORTED } from './refusals.mjs';

/** @typedef {import('./subjects.mjs').Subject} Subject */
/** @typedef {import('./subjects.mjs').Face} Face */
/** @typedef {import('rseq-slice').LockToken} LockToken */
/** @typedef {import('rseq-slice').Condition} Condition */

/**
 * One operation, as the journal names it.
 * @typedef {{ subject: number, style: number, op: number }} Entry
 */

/** The worker is to end by returning, with whatever it holds. */
export const RETURN = 'return';

/** Each as often as the others, of those that a lock has. */
const STYLES = [
  'lock',
  'lock-timeout',
  'try',
  'with',
  'with-timeout',
  'bare',
  'async',
  'async-timeout',
  'async-signal',
  'with-async',
  'crowd',
  'condition-wait',
  'condition-wait-timeout',
  'condition-wait-async',
  'condition-wait-unlocked',
  'notify',
  'notify-all',
];
/** What the journal's style numbers mean; the last are not drawn with the others. */
export const STYLE_NAMES = [
  ...STYLES,
  'ending',
  'beside',
  'beside-condition',
  'burst',
  'before-busy',
  ...BARRIER_STYLES,
  ...QUEUE_STYLES,
];
const styleOf = (/** @type {string} */ name) => STYLE_NAMES.indexOf(name);

/** How often a worker does what disturbs the others, or itself. */
const BESIDE = 0.06;
const BUSY = 0.005;
/**
 * How often it takes the lock again and again, where all are after one and elsewhere; and how often
 * then.
 */
const BURST = { calm: 0.03, lively: 0.001, rounds: 400 };
/** How much of what a worker does is about the lock that all are after. */
const CALM = 0.7;
/** ms that it computes without an end in sight. */
const SHORTEST = 20;
const LONGEST = 300;
/** As many may wait beside the others. */
const MOST_BESIDE = 6;
/** ms that one waits before it ends, where nobody holds anything. */
const AWAY = 60;
/** Events of one round of a burst. */
const ROUND = 4;

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

export class Operations {
  #journal;
  #random;
  #subjects;
  #worker;
  #op = 0;
  /** What waits in the event loop while the worker goes on. @type {Set<Promise<unknown>>} */
  #beside = new Set();
  /** Locks that this worker has. */
  #held = 0;
  /** For a barrier, and for queues. @type {readonly (BarrierWays | QueueWays | null)[]} */
  #ways;

  /**
   * @param {object} options
   * @param {number} options.worker
   * @param {import('./journal.mjs').Journal} options.journal
   * @param {import('./random.mjs').Random} options.random
   * @param {readonly [Subject, ...Subject[]]} options.subjects
   */
  constructor({ worker, journal, random, subjects }) {
    this.#worker = worker;
    this.#journal = journal;
    this.#random = random;
    this.#subjects = subjects;
    const desk = {
      journal,
      random,
      styleOf,
      write: (
        /** @type {number} */ type,
        /** @type {Entry} */ entry,
        /** @type {number} */ detail,
      ) => {
        journal.write(type, entry.subject, entry.style, entry.op, detail);
      },
      nextOp: () => ++this.#op,
      signal: () => this.#signal(),
      goOnBeside: (/** @type {Promise<unknown>} */ operation) => {
        this.#goOnBeside(operation);
      },
      isFull: () => this.#beside.size >= MOST_BESIDE,
    };
    this.#ways = subjects.map(({ barrier, series }, subject) =>
      barrier !== null
        ? new BarrierWays(desk, subject, barrier)
        : series !== null
          ? new QueueWays(desk, subject, series)
          : null,
    );
  }

  /** Does something. @returns {Promise<typeof RETURN | undefined>} */
  async next() {
    const random = this.#random;
    this.#journal.waitForRoom();
    await this.#settle();
    const { calm } = this.#journal;
    const subject =
      calm !== 0 && random.chance(CALM) ? calm - 1 : random.below(this.#subjects.length);
    const ways = this.#ways[subject];
    if (ways !== null && ways !== undefined) return this.#go(ways);
    const { faces, condition } = this.#subjects[subject] ?? this.#subjects[0];
    // More readers than writers.
    const face = random.chance(0.3) ? faces[faces.length - 1] : faces[0];
    if (face === undefined) throw new Error('A lock without a face.');
    if (ordered(this.#journal)?.endsWith('-waiting') === true)
      return this.#endWaiting(subject, face);
    if (random.chance(calm === 0 ? BURST.lively : BURST.calm)) return this.#burst(subject, face);
    if (calm === 0 && random.chance(BUSY)) return this.#busy(subject, face);
    if (calm === 0 && random.chance(BESIDE)) {
      this.#some(subject, face);
      await this.#settle();
    }
    return this.#do(
      subject,
      face,
      random.below(condition === null ? styleOf('condition-wait') : STYLES.length),
    );
  }

  /**
   * Something at a barrier or at a queue, where nobody holds anything: so a worker that is to end
   * does so while it waits there, or has just got through.
   * @param {BarrierWays | QueueWays} ways
   */
  async #go(ways) {
    const [how = '', where] = (ordered(this.#journal) ?? '').split('-');
    if (where === 'waiting') {
      this.#goOnBeside(ways.wait());
      if (this.#random.chance(0.7))
        await new Promise((resolve) => setTimeout(resolve, this.#random.below(AWAY)));
    } else await ways.next();
    if (where === undefined) return undefined;
    // What waits beside would keep the worker alive as long as it waits.
    if (how === 'return' && where === 'holding' && this.#beside.size > 0) return undefined;
    end(how);
    return /** @type {typeof RETURN} */ (RETURN);
  }

  /** Waits for all that waits beside. */
  async finish() {
    while (this.#beside.size > 0) await Promise.all(this.#beside);
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @returns {Promise<typeof RETURN | undefined>}
   */
  async #do(subject, face, style) {
    const random = this.#random;
    const name = STYLES[style] ?? 'lock';
    switch (name) {
      case 'lock':
        return this.#lock(subject, face, style, undefined);
      case 'lock-timeout':
        return this.#lock(subject, face, style, random.below(20));
      case 'try':
        return this.#try(subject, face, style);
      case 'with':
        return void this.#with(subject, face, style, undefined);
      case 'with-timeout':
        return void this.#with(subject, face, style, random.next() * 5);
      case 'bare':
        return face.bare === null
          ? this.#lock(subject, face, style, undefined)
          : this.#bare(subject, face, face.bare, style);
      case 'async':
        return this.#async(subject, face, style, 0, {});
      case 'async-timeout':
        return this.#async(subject, face, style, Start.Timed, { timeout: random.below(30) });
      case 'async-signal':
        return this.#async(subject, face, style, Start.Timed, { signal: this.#signal() });
      case 'with-async':
        return void (await this.#withAsync(subject, face, style));
      case 'crowd':
        return this.#crowd(subject, face, style);
      case 'notify':
      case 'notify-all':
        return void this.#notify(subject, face, style, name === 'notify-all');
      default:
        return void (await this.#wait(subject, face, style, name));
    }
  }

  /** Lets the event loop come round if someone waits beside, until none of them has a lock. */
  async #settle() {
    if (this.#beside.size === 0) return;
    do await nextTurn();
    while (this.#held > 0);
  }

  /**
   * Goes on without waiting for it.
   * @param {Promise<unknown>} operation which does not end the worker
   */
  #goOnBeside(operation) {
    this.#beside.add(operation);
    // Whatever fails is not caught, and ends the worker.
    void operation.finally(() => {
      this.#beside.delete(operation);
    });
  }

  /**
   * Some wait in the event loop while the worker goes on.
   * @param {number} subject
   * @param {Face} face
   */
  #some(subject, face) {
    for (
      let count = 1 + this.#random.below(3);
      count > 0 && this.#beside.size < MOST_BESIDE;
      count--
    )
      this.#beginBeside(subject, face, 'beside');
  }

  /** @param {number} subject @param {Face} face @param {string} name */
  #beginBeside(subject, face, name) {
    const random = this.#random;
    const isWaiting = this.#subjects[subject]?.condition !== null && random.chance(0.3);
    if (isWaiting) {
      this.#goOnBeside(
        this.#wait(
          subject,
          face,
          styleOf('beside-condition'),
          random.chance(0.3) ? 'condition-wait-unlocked' : 'condition-wait-async',
          true,
        ),
      );
      return;
    }
    const kind = random.below(3);
    const options =
      kind === 0 ? {} : kind === 1 ? { timeout: random.below(60) } : { signal: this.#signal() };
    this.#goOnBeside(
      this.#async(
        subject,
        face,
        styleOf(name),
        Start.Crowd | (kind === 0 ? 0 : Start.Timed),
        options,
      ),
    );
  }

  /**
   * Computes for long while requests wait in the event loop, or right after they gave up.
   * @param {number} subject
   * @param {Face} face
   */
  async #busy(subject, face) {
    const random = this.#random;
    for (let count = 1 + random.below(3); count > 0 && this.#beside.size < MOST_BESIDE; count--)
      this.#beginBeside(subject, face, 'before-busy');
    const controller = new AbortController();
    this.#goOnBeside(
      this.#async(subject, face, styleOf('before-busy'), Start.Crowd | Start.Timed, {
        signal: controller.signal,
      }),
    );
    // Those that got the lock at once would have it all the time.
    await this.#settle();
    // The thread takes the lock itself before, and releases it to whoever waits: to its own
    // requests if nobody else does.
    if (random.chance(0.3))
      this.#lock(subject, face, styleOf('before-busy'), random.below(20), false);
    if (random.chance(0.5)) controller.abort(ABORTED);
    spin(SHORTEST + random.next() ** 3 * (LONGEST - SHORTEST));
    controller.abort(ABORTED);
    return undefined;
  }

  /**
   * Takes a lock again and again: who waits for it gets it by turns only.
   * @param {number} subject
   * @param {Face} face
   */
  #burst(subject, face) {
    this.#journal.waitForRoom(BURST.rounds * ROUND);
    for (let round = this.#random.below(BURST.rounds); round >= 0; round--) {
      const entry = this.#start(subject, face, styleOf('burst'), 0);
      const token = face.lock();
      this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
      const data = this.#begin(entry, face, token.abandoned);
      data.end();
      this.#release(entry, token);
    }
    return undefined;
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @param {number | undefined} timeout
   * @param {boolean} [mayEnd]
   */
  #lock(subject, face, style, timeout, mayEnd = true) {
    const entry = this.#start(subject, face, style, timeout === undefined ? 0 : Start.Timed);
    let token;
    try {
      token = face.lock(timeout === undefined ? undefined : { timeout });
    } catch (error) {
      this.#gaveUp(entry, error);
      return undefined;
    }
    return this.#hold(entry, face, token, mayEnd);
  }

  /** @param {number} subject @param {Face} face @param {number} style */
  #try(subject, face, style) {
    const entry = this.#start(subject, face, style, Start.Try);
    const token = face.tryLock();
    if (token !== null) return this.#hold(entry, face, token);
    this.#write(
      Type.GaveUp,
      entry,
      isReserved(this.#subjects[subject] ?? this.#subjects[0]) ? Refusal.Reserved : Refusal.Refused,
    );
    return undefined;
  }

  /** @param {Entry} entry @param {Face} face @param {LockToken} token @param {boolean} [mayEnd] */
  #hold(entry, face, token, mayEnd = true) {
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    if (this.#work(entry, face, token.abandoned, mayEnd) === RETURN) return RETURN;
    this.#release(entry, token);
    return undefined;
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @param {number | undefined} timeout
   */
  #with(subject, face, style, timeout) {
    const entry = this.#start(subject, face, style, timeout === undefined ? 0 : Start.Timed);
    try {
      face.withLock(
        ({ abandoned: isAbandoned }) => {
          this.#write(Type.Acquired, entry, isAbandoned ? Acquired.Abandoned : 0);
          // What is thrown here would release the lock, so nobody ends in here.
          this.#work(entry, face, isAbandoned, false);
          this.#write(Type.Releasing, entry, 0);
        },
        timeout === undefined ? undefined : { timeout },
      );
    } catch (error) {
      this.#gaveUp(entry, error);
      return;
    }
    this.#write(Type.Released, entry, 0);
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {import('rseq-slice').Mutex | import('rseq-slice').SpinLock} lock
   * @param {number} style
   */
  #bare(subject, face, lock, style) {
    const entry = this.#start(subject, face, style, 0);
    lock.enter();
    const isAbandoned = lock.abandoned;
    this.#write(Type.Acquired, entry, isAbandoned ? Acquired.Abandoned : 0);
    if (this.#work(entry, face, isAbandoned, true) === RETURN) return RETURN;
    this.#write(Type.Releasing, entry, 0);
    lock.leave();
    this.#write(Type.Released, entry, 0);
    return undefined;
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @param {number} how
   * @param {{ timeout?: number, signal?: AbortSignal }} options
   */
  async #async(subject, face, style, how, options) {
    const entry = this.#start(subject, face, style, how | Start.Async);
    let token;
    try {
      token = await face.lockAsync(options);
    } catch (error) {
      this.#gaveUp(entry, error);
      return undefined;
    }
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    // One that returned from a crowd would be kept alive by the others, which wait for what it
    // holds.
    if ((await this.#workAsync(entry, face, token.abandoned, (how & Start.Crowd) === 0)) === RETURN)
      return RETURN;
    this.#release(entry, token);
    return undefined;
  }

  /** @param {number} subject @param {Face} face @param {number} style */
  async #withAsync(subject, face, style) {
    const options = this.#random.chance(0.5) ? { timeout: this.#random.below(30) } : {};
    const entry = this.#start(
      subject,
      face,
      style,
      Start.Async | ('timeout' in options ? Start.Timed : 0),
    );
    try {
      await face.withLockAsync(async ({ abandoned }) => {
        this.#write(Type.Acquired, entry, abandoned ? Acquired.Abandoned : 0);
        await this.#workAsync(entry, face, abandoned, false);
        this.#write(Type.Releasing, entry, 0);
      }, options);
    } catch (error) {
      this.#gaveUp(entry, error);
      return;
    }
    this.#write(Type.Released, entry, 0);
  }

  /**
   * Several wait in one thread, each in its own way.
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   */
  async #crowd(subject, face, style) {
    const some = Array.from({ length: 2 + this.#random.below(3) }, () => {
      const kind = this.#random.below(3);
      const options =
        kind === 0
          ? {}
          : kind === 1
            ? { timeout: this.#random.below(10) }
            : { signal: this.#signal() };
      return this.#async(
        subject,
        face,
        style,
        Start.Crowd | (kind === 0 ? 0 : Start.Timed),
        options,
      );
    });
    await Promise.all(some);
    return undefined;
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @param {string} name
   * @param {boolean} [isBeside] it must not block
   */
  async #wait(subject, face, style, name, isBeside = false) {
    const { condition } = this.#subjects[subject] ?? {};
    if (condition === null || condition === undefined) return;
    const entry = this.#start(subject, face, style, isBeside ? Start.Crowd | Start.Async : 0);
    const token = isBeside ? await face.lockAsync() : face.lock();
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    this.#work(entry, face, token.abandoned, false);
    // Most without a limit would soon be all.
    const timeout = name === 'condition-wait' ? undefined : this.#random.below(60);
    if (name === 'condition-wait' || name === 'condition-wait-timeout')
      this.#waitBlocking(entry, condition, token, timeout);
    else if (
      !(await this.#waitAsync(entry, condition, token, timeout, name === 'condition-wait-unlocked'))
    )
      return;
    this.#work(entry, face, token.abandoned, false);
    this.#release(entry, token);
  }

  /**
   * @param {Entry} entry
   * @param {Condition} condition
   * @param {LockToken} token
   * @param {number | undefined} timeout
   */
  #waitBlocking(entry, condition, token, timeout) {
    this.#write(Type.Waiting, entry, timeout === undefined ? 0 : Start.Timed);
    const isNotified = condition.wait(token, timeout === undefined ? {} : { timeout });
    this.#write(
      Type.Acquired,
      entry,
      (token.abandoned ? Acquired.Abandoned : 0) | (isNotified ? Acquired.Notified : 0),
    );
  }

  /**
   * @param {Entry} entry
   * @param {Condition} condition
   * @param {LockToken} token
   * @param {number | undefined} timeout
   * @param {boolean} isToUnlock the token is unlocked while it waits, unless the wait is over by
   * then
   * @returns {Promise<boolean>} whether the lock is held again
   */
  async #waitAsync(entry, condition, token, timeout, isToUnlock) {
    const signal = this.#random.chance(0.5) ? this.#signal() : undefined;
    const wasAbandoned = token.abandoned;
    this.#write(
      Type.Waiting,
      entry,
      Start.Async | Start.Crowd | (timeout === undefined ? 0 : Start.Timed),
    );
    // Then it does not begin to wait, and the token says what it said before.
    const isLate = signal?.aborted === true;
    let isNotified = false;
    // What it was told is told to another one then, also to one that waits only since.
    const unlocking = { hasBegun: false, isOver: false };
    try {
      const wait = condition.waitAsync(token, {
        ...(timeout === undefined ? {} : { timeout }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (isToUnlock && !isLate) this.#unlockSoon(entry, token, unlocking);
      isNotified = await wait;
    } catch (error) {
      if (isToUnlock && Object(error).code === 'ERR_RSEQ_NOT_LOCKED') {
        this.#write(Type.GaveUp, entry, Refusal.Unlocked);
        return false;
      }
      if (error !== ABORTED) throw error;
    } finally {
      unlocking.isOver = true;
      if (unlocking.hasBegun) this.#write(Type.Called, entry, 0);
    }
    const isAbandoned = token.abandoned && !(isLate && wasAbandoned);
    this.#write(
      Type.Acquired,
      entry,
      (isAbandoned ? Acquired.Abandoned : 0) | (isNotified ? Acquired.Notified : 0),
    );
    return true;
  }

  /**
   * Unlocks a token that waits on a condition, or waits for the lock after that, unless it has it
   * again by then.
   * @param {Entry} entry
   * @param {LockToken} token
   * @param {{ hasBegun: boolean, isOver: boolean }} unlocking
   */
  #unlockSoon(entry, token, unlocking) {
    const unlock = () => {
      if (token.locked || unlocking.isOver) return;
      unlocking.hasBegun = true;
      this.#write(Type.Calling, entry, 0);
      token.unlock();
    };
    if (this.#random.chance(0.2)) unlock();
    else if (this.#random.chance(0.4)) setImmediate(unlock);
    else setTimeout(unlock, this.#random.below(40));
  }

  /** @param {number} subject @param {Face} face @param {number} style @param {boolean} isAll */
  #notify(subject, face, style, isAll) {
    const { condition } = this.#subjects[subject] ?? {};
    if (condition === null || condition === undefined) return;
    const call = (/** @type {number} */ detail) => {
      const entry = { subject, style, op: 0 };
      this.#write(Type.Calling, entry, detail);
      const count = isAll ? condition.notifyAll() : condition.notify();
      this.#write(Type.Called, entry, count);
    };
    if (this.#random.chance(0.5)) {
      call(0);
      return;
    }
    const entry = this.#start(subject, face, style, 0);
    const token = face.lock();
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    this.#work(entry, face, token.abandoned, false);
    call(isAll ? Call.AllLocked : 0);
    this.#release(entry, token);
  }

  /**
   * Asks for a lock, or waits on its condition, and ends meanwhile, or soon after.
   * @param {number} subject
   * @param {Face} face
   */
  async #endWaiting(subject, face) {
    const [how = ''] = (ordered(this.#journal) ?? '').split('-');
    const { condition } = this.#subjects[subject] ?? {};
    if (condition !== null && condition !== undefined && this.#random.chance(0.5)) {
      const entry = this.#start(subject, face, styleOf('ending'), 0);
      const token = face.lock();
      this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
      this.#work(entry, face, token.abandoned, false);
      void this.#waitAsync(entry, condition, token, undefined, false);
    } else {
      const entry = this.#start(subject, face, styleOf('ending'), Start.Async);
      void face.lockAsync().then((token) => {
        this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
      });
    }
    if (this.#random.chance(0.7))
      await new Promise((resolve) => setTimeout(resolve, this.#random.below(4)));
    end(how);
    return /** @type {typeof RETURN} */ (RETURN);
  }

  /**
   * Works on what the lock guards, and ends the worker if it is told to.
   * @param {Entry} entry @param {Face} face @param {boolean} isTold @param {boolean} mayEnd
   * @returns {typeof RETURN | undefined}
   */
  #work(entry, face, isTold, mayEnd) {
    const until = performance.now() + this.#duration();
    const data = this.#begin(entry, face, isTold);
    do {
      data.check();
      if (mayEnd && this.#isToEnd() === RETURN) return RETURN;
    } while (performance.now() < until);
    data.end();
    return undefined;
  }

  /**
   * The same, sometimes across turns of the event loop.
   * @param {Entry} entry
   * @param {Face} face
   * @param {boolean} isTold
   * @param {boolean} mayEnd
   */
  async #workAsync(entry, face, isTold, mayEnd) {
    if (!this.#random.chance(0.2)) return this.#work(entry, face, isTold, mayEnd);
    const data = this.#begin(entry, face, isTold);
    await new Promise((resolve) =>
      this.#random.chance(0.8) ? setImmediate(resolve) : setTimeout(resolve, 1),
    );
    data.check();
    if (mayEnd && this.#isToEnd() === RETURN) return RETURN;
    data.end();
    return undefined;
  }

  /** @param {Entry} entry @param {Face} face @param {boolean} isTold */
  #begin(entry, { access }, isTold) {
    const { guarded } = this.#subjects[entry.subject] ?? this.#subjects[0];
    const worker = this.#worker;
    if (access === 'none') return { check: () => undefined, end: () => undefined };
    const guard = (/** @type {() => void} */ run) => () => {
      try {
        run();
      } catch (error) {
        if (error instanceof ViolationError) this.#write(Type.Violation, entry, error.code);
        throw error;
      }
    };
    if (access === 'read') {
      guard(() => {
        guarded.beginReading(isTold);
      })();
      const check = guard(() => {
        guarded.checkReading();
      });
      return { check, end: check };
    }
    guard(() => {
      guarded.begin(worker, isTold);
    })();
    return {
      check: guard(() => {
        guarded.check(worker);
      }),
      end: guard(() => {
        guarded.end(worker);
      }),
    };
  }

  /** @returns {typeof RETURN | undefined} */
  #isToEnd() {
    const [how = '', where] = (ordered(this.#journal) ?? '').split('-');
    if (where !== 'holding') return undefined;
    // What waits beside would keep the worker alive, for what it holds itself.
    if (how === 'return' && this.#beside.size > 0) return undefined;
    end(how);
    return RETURN;
  }

  /** Most are short, so that a lock changes hands often; a few are as long as a time slice. */
  #duration() {
    const random = this.#random;
    const longest = random.chance(0.85) ? 0.02 : random.chance(0.8) ? 0.2 : 2;
    return random.next() * longest;
  }

  /** Aborts some time, or has. */
  #signal() {
    const controller = new AbortController();
    const abort = () => {
      controller.abort(ABORTED);
    };
    if (this.#random.chance(0.1)) abort();
    else if (this.#random.chance(0.5)) setImmediate(abort);
    else setTimeout(abort, this.#random.below(20));
    return controller.signal;
  }

  /**
   * @param {number} subject
   * @param {Face} face
   * @param {number} style
   * @param {number} how
   * @returns {Entry}
   */
  #start(subject, { access }, style, how) {
    const entry = { subject, style, op: ++this.#op };
    this.#write(Type.Start, entry, how | (access === 'read' ? Start.Reading : 0));
    return entry;
  }

  /** @param {Entry} entry @param {unknown} error */
  #gaveUp(entry, error) {
    if (error === ABORTED) this.#write(Type.GaveUp, entry, Refusal.Aborted);
    else if (error instanceof Error && Object(error).code === 'ERR_RSEQ_TIMEOUT')
      this.#write(Type.GaveUp, entry, Refusal.TimedOut);
    else throw error;
  }

  /** @param {Entry} entry @param {LockToken} token */
  #release(entry, token) {
    this.#write(Type.Releasing, entry, 0);
    token.unlock();
    this.#write(Type.Released, entry, 0);
  }

  /** @param {number} type @param {Entry} entry @param {number} detail */
  #write(type, { subject, style, op }, detail) {
    if (type === Type.Acquired) this.#held++;
    else if (type === Type.Released || type === Type.Waiting) this.#held--;
    this.#journal.write(type, subject, style, op, detail);
  }
}
