// What a worker does with a lock, one operation after the other, and writes down. Every way to take a lock is used, with
// work of random length inside, during which the worker may be told to end.

import { end, ordered } from './endings.mjs';
import { ViolationError } from './guarded.mjs';
import { Acquired, Call, Refusal, Start, Type } from './journal.mjs';

/** @typedef {import('./subjects.mjs').Subject} Subject */
/** @typedef {import('./subjects.mjs').Face} Face */
/** @typedef {import('../../dist/index.js').LockToken} LockToken */

/** One operation, as the journal names it. @typedef {{ subject: number, style: number, op: number }} Entry */

/** The worker is to end by returning, with whatever it holds. */
export const RETURN = 'return';
const ABORTED = 'stress: aborted on purpose';

/** Each as often as the others, of those that a lock has. */
const STYLES = [
  'lock', 'lock-timeout', 'try', 'with', 'with-timeout', 'bare', 'async', 'async-timeout', 'async-signal', 'with-async', 'crowd',
  'condition-wait', 'condition-wait-timeout', 'condition-wait-async', 'notify', 'notify-all',
];
/** What the journal's style numbers mean; the last is how a worker waits that is to end. */
export const STYLE_NAMES = [...STYLES, 'ending'];
const ENDING_STYLE = STYLE_NAMES.indexOf('ending');

export class Operations {
  #journal;
  #random;
  #subjects;
  #worker;
  #op = 0;

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
  }

  /** Does something. @returns {Promise<typeof RETURN | undefined>} */
  async next() {
    const random = this.#random;
    this.#journal.waitForRoom();
    const subject = random.below(this.#subjects.length);
    const { faces, condition } = this.#subjects[subject] ?? this.#subjects[0];
    // More readers than writers.
    const face = random.chance(0.3) ? faces[faces.length - 1] : faces[0];
    if (face === undefined) throw new Error('A lock without a face.');
    const style = random.below(condition === null ? STYLES.indexOf('condition-wait') : STYLES.length);
    if (ordered(this.#journal)?.endsWith('-waiting') === true) return this.#endWaiting(subject, face);
    const name = STYLES[style] ?? 'lock';
    switch (name) {
      case 'lock':
        return this.#lock(subject, face, style, undefined);
      case 'lock-timeout':
        return this.#lock(subject, face, style, random.below(20));
      case 'try':
        return this.#try(subject, face, style);
      case 'with':
        return this.#with(subject, face, style, undefined);
      case 'with-timeout':
        return this.#with(subject, face, style, random.next() * 5);
      case 'bare':
        return face.bare === null ? this.#lock(subject, face, style, undefined) : this.#bare(subject, face, face.bare, style);
      case 'async':
        return this.#async(subject, face, style, 0, {});
      case 'async-timeout':
        return this.#async(subject, face, style, Start.Timed, { timeout: random.below(30) });
      case 'async-signal':
        return this.#async(subject, face, style, Start.Timed, { signal: this.#signal() });
      case 'with-async':
        return this.#withAsync(subject, face, style);
      case 'crowd':
        return this.#crowd(subject, face, style);
      case 'notify':
      case 'notify-all':
        return this.#notify(subject, face, style, name === 'notify-all');
      default:
        return this.#wait(subject, face, style, name);
    }
  }

  /** @param {number} subject @param {Face} face @param {number} style @param {number | undefined} timeout */
  #lock(subject, face, style, timeout) {
    const entry = this.#start(subject, face, style, timeout === undefined ? 0 : Start.Timed);
    let token;
    try {
      token = face.lock(timeout === undefined ? undefined : { timeout });
    } catch (error) {
      this.#gaveUp(entry, error);
      return undefined;
    }
    return this.#hold(entry, face, token);
  }

  /** @param {number} subject @param {Face} face @param {number} style */
  #try(subject, face, style) {
    const entry = this.#start(subject, face, style, Start.Try);
    const token = face.tryLock();
    if (token !== null) return this.#hold(entry, face, token);
    this.#write(Type.GaveUp, entry, Refusal.Refused);
    return undefined;
  }

  /** @param {Entry} entry @param {Face} face @param {LockToken} token */
  #hold(entry, face, token) {
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    if (this.#work(entry, face, token.abandoned, true) === RETURN) return RETURN;
    this.#release(entry, token);
    return undefined;
  }

  /** @param {number} subject @param {Face} face @param {number} style @param {number | undefined} timeout */
  #with(subject, face, style, timeout) {
    const entry = this.#start(subject, face, style, timeout === undefined ? 0 : Start.Timed);
    try {
      face.withLock(
        (isAbandoned) => {
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

  /** @param {number} subject @param {Face} face @param {import('../../dist/index.js').Mutex | import('../../dist/index.js').SpinLock} lock @param {number} style */
  #bare(subject, face, lock, style) {
    const entry = this.#start(subject, face, style, 0);
    const isAbandoned = lock.acquire();
    this.#write(Type.Acquired, entry, isAbandoned ? Acquired.Abandoned : 0);
    if (this.#work(entry, face, isAbandoned, true) === RETURN) return RETURN;
    this.#write(Type.Releasing, entry, 0);
    lock.release();
    this.#write(Type.Released, entry, 0);
    return undefined;
  }

  /** @param {number} subject @param {Face} face @param {number} style @param {number} how @param {{ timeout?: number, signal?: AbortSignal }} options */
  async #async(subject, face, style, how, options) {
    const entry = this.#start(subject, face, style, how);
    let token;
    try {
      token = await face.lockAsync(options);
    } catch (error) {
      this.#gaveUp(entry, error);
      return undefined;
    }
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    // One that returned from a crowd would be kept alive by the others, which wait for what it holds.
    if ((await this.#workAsync(entry, face, token.abandoned, (how & Start.Crowd) === 0)) === RETURN) return RETURN;
    this.#release(entry, token);
    return undefined;
  }

  /** @param {number} subject @param {Face} face @param {number} style */
  async #withAsync(subject, face, style) {
    const options = this.#random.chance(0.5) ? { timeout: this.#random.below(30) } : {};
    const entry = this.#start(subject, face, style, 'timeout' in options ? Start.Timed : 0);
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

  /** Several wait in one thread, each in its own way. @param {number} subject @param {Face} face @param {number} style */
  async #crowd(subject, face, style) {
    const some = Array.from({ length: 2 + this.#random.below(3) }, () => {
      const kind = this.#random.below(3);
      const options = kind === 0 ? {} : kind === 1 ? { timeout: this.#random.below(10) } : { signal: this.#signal() };
      return this.#async(subject, face, style, Start.Crowd | (kind === 0 ? 0 : Start.Timed), options);
    });
    await Promise.all(some);
    return undefined;
  }

  /** @param {number} subject @param {Face} face @param {number} style @param {string} name */
  async #wait(subject, face, style, name) {
    const { condition } = this.#subjects[subject] ?? {};
    if (condition === null || condition === undefined) return;
    const entry = this.#start(subject, face, style, 0);
    const token = face.lock();
    this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
    this.#work(entry, face, token.abandoned, false);
    // Most without a limit would soon be all.
    const timeout = name === 'condition-wait' ? undefined : this.#random.below(60);
    const signal = name === 'condition-wait-async' && this.#random.chance(0.5) ? this.#signal() : undefined;
    this.#write(Type.Waiting, entry, timeout === undefined ? 0 : Start.Timed);
    let isNotified = false;
    // Then it does not begin to wait, and the token says what it said before.
    const isLate = signal?.aborted === true;
    if (name === 'condition-wait-async') {
      try {
        isNotified = await condition.waitAsync(token, { timeout, signal });
      } catch (error) {
        if (error !== ABORTED) throw error;
      }
    } else isNotified = condition.wait(token, timeout === undefined ? {} : { timeout });
    const isAbandoned = token.abandoned && !isLate;
    this.#write(Type.Acquired, entry, (isAbandoned ? Acquired.Abandoned : 0) | (isNotified ? Acquired.Notified : 0));
    this.#work(entry, face, isAbandoned, false);
    this.#release(entry, token);
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

  /** Asks for a lock and ends while it waits, or soon after it has it. @param {number} subject @param {Face} face */
  async #endWaiting(subject, face) {
    const [how = ''] = (ordered(this.#journal) ?? '').split('-');
    const entry = this.#start(subject, face, ENDING_STYLE, 0);
    const wait = face.lockAsync();
    wait.then(
      (token) => {
        this.#write(Type.Acquired, entry, token.abandoned ? Acquired.Abandoned : 0);
      },
      () => undefined,
    );
    if (this.#random.chance(0.7)) await new Promise((resolve) => setTimeout(resolve, this.#random.below(4)));
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

  /** The same, sometimes across turns of the event loop. @param {Entry} entry @param {Face} face @param {boolean} isTold @param {boolean} mayEnd */
  async #workAsync(entry, face, isTold, mayEnd) {
    if (!this.#random.chance(0.2)) return this.#work(entry, face, isTold, mayEnd);
    const data = this.#begin(entry, face, isTold);
    await new Promise((resolve) => (this.#random.chance(0.8) ? setImmediate(resolve) : setTimeout(resolve, 1)));
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

  /** @param {number} subject @param {Face} face @param {number} style @param {number} how @returns {Entry} */
  #start(subject, { access }, style, how) {
    const entry = { subject, style, op: ++this.#op };
    this.#write(Type.Start, entry, how | (access === 'read' ? Start.Reading : 0));
    return entry;
  }

  /** @param {Entry} entry @param {unknown} error */
  #gaveUp(entry, error) {
    if (error === ABORTED) this.#write(Type.GaveUp, entry, Refusal.Aborted);
    else if (error instanceof Error && Object(error).code === 'ERR_RSEQ_TIMEOUT') this.#write(Type.GaveUp, entry, Refusal.TimedOut);
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
    this.#journal.write(type, subject, style, op, detail);
  }
}
