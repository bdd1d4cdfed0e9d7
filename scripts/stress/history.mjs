// SPDX-License-Identifier: MIT
// The checker: takes the events of all workers in their order and says what no correct lock can
// have done. It knows nothing of locks but what is promised of them; each kind of lock has its
// rule.
//
// Numbers are taken after a lock was acquired and before it is released, so two holders in the
// history were two holders in fact. Time is only for what is about time.

import { Acquired, Call, Refusal, Start, Type } from './journal.mjs';
import { Meetings } from './meetings.mjs';
import { PermitsRule } from './permits.mjs';
import { Progress } from './progress.mjs';
import { ReadersWriterRule } from './readers-writer.mjs';
import { Standstill } from './standstill.mjs';
import { Traffic } from './traffic.mjs';
import { Tries } from './tries.mjs';

/** @typedef {import('./journal.mjs').Event} Event */

/**
 * What one worker does with one lock, from asking to having released.
 * @typedef {object} Operation
 * @property {number} worker
 * @property {number} op
 * @property {number} subject
 * @property {number} seq when it asked
 * @property {string} style
 * @property {number} detail bits of `Start`
 * @property {'asking' | 'holding' | 'releasing'} state
 * @property {boolean} isOnCondition
 * @property {boolean} isCalled whether anybody notified while it waited on the condition
 * @property {number | undefined} calledAt when all who waited were notified
 * @property {boolean} wasLate whether it waits in an event loop that did not always come round
 * meanwhile
 */

/**
 * @typedef {object} Subject a lock under test
 * @property {string} name
 * @property {number | 'rw'} permits
 * @property {number | null} longest see `Progress`
 * @property {number} [parties] it is a barrier, which nobody holds
 * @property {() => number | null} [generation] of the barrier, null: it is broken
 * @property {QueueWords} [queues] these are queues, which nobody holds
 * @property {() => string} [words] of the lock as they are, for messages
 * @property {() => boolean} [isReserved] whether the lock is for those only who lined up in time
 * @property {() => boolean} [isLineEmpty] whether nobody is counted as waiting, the dead neither
 */

/**
 * @typedef {object} QueueWords of queues one after the other, by their numbers
 * @property {(which: number) => string} [words]
 * @property {(which: number, isPush: boolean) => boolean} [isReserved]
 * @property {(which: number, isPush: boolean) => boolean} [isLineEmpty]
 */

/** @typedef {{ kind: string, subject: string, text: string, trace: readonly string[] }} Failure */

const TRACE = 30;
/** @type {Pick<import('./standstill.mjs').Look, 'lost' | 'late'>} */
const NOTHING_ODD = { lost: () => 0, late: new Set() };
/** The first tell what is wrong; the others follow from them. */
const MOST_FAILURES = 5;
const REFUSALS = /** @type {const} */ ({
  [Refusal.Refused]: 'refused',
  [Refusal.TimedOut]: 'timedOut',
  [Refusal.Aborted]: 'aborted',
  [Refusal.Unlocked]: 'unlocked',
  [Refusal.Reserved]: 'refused',
});
const NAMES = new Map(Object.entries(Type).map(([name, type]) => [type, name]));

/** One lock's part of the history. */
class Lane {
  /** @type {Event[]} */
  trace = [];
  counts = {
    acquired: 0,
    abandoned: 0,
    refused: 0,
    timedOut: 0,
    aborted: 0,
    unlocked: 0,
    conditionWaits: 0,
    notified: 0,
  };
  /** Workers that are about to notify, and how many times over. @type {Map<number, number>} */
  callers = new Map();
  /** Waiters that lost their turn here, as they may when they do not come to take it. */
  disturbances = 0;
  /**
   * Whether waiters may be counted in the line that are dead: once more it may be reserved for
   * them.
   */
  isHaunted = false;

  /**
   * @param {Subject} subject
   * @param {number} patience
   * @param {readonly string[]} styles
   * @param {(kind: string, subject: string, text: string, trace: readonly Event[]) => void} fail
   */
  constructor(
    {
      name,
      parties,
      generation = () => null,
      queues,
      permits,
      longest,
      words = () => 'unknown',
      isReserved = () => false,
      isLineEmpty = () => false,
    },
    patience,
    styles,
    fail,
  ) {
    this.name = name;
    const report = (/** @type {string} */ kind, /** @type {string} */ text) => {
      fail(kind, name, text, this.trace);
    };
    this.fail = report;
    this.rule = permits === 'rw' ? new ReadersWriterRule(report) : new PermitsRule(permits, report);
    this.progress = new Progress({ longest, patience, fail: report });
    this.standstill = new Standstill({ permits, patience, fail: report, words });
    this.tries = new Tries({ permits, patience, fail: report });
    this.longest = longest;
    this.isReserved = isReserved;
    this.isLineEmpty = isLineEmpty;
    /** Where nobody holds anything, all is checked here. @type {Meetings | Traffic | null} */
    this.gathering =
      parties !== undefined
        ? new Meetings({ parties, patience, fail: report, words, styles, generation })
        : queues !== undefined
          ? new Traffic({ ...queues, patience, fail: report, styles })
          : null;
  }

  /** For the trace of a failure. @param {Event} event */
  note(event) {
    this.trace.push(event);
    if (this.trace.length > 2 * TRACE) this.trace.splice(0, TRACE);
  }
}

export class History {
  /** @type {Failure[]} */
  failures = [];
  #lanes;
  #styles;
  /** @type {Map<string, Operation>} */
  #operations = new Map();
  /** Deaths, and workers told to die: waits between them are held to the bound. */
  #disturbances = 0;
  /** @type {Set<number>} */
  #dying = new Set();
  /** Workers whose event loops were late lately. @type {ReadonlySet<number>} */
  #late = new Set();
  #now = 0;
  /** ms in which events were known of that could not be seen yet. */
  behind = 0;

  /**
   * @param {readonly Subject[]} subjects
   * @param {{ styles?: readonly string[], patience?: number }} [options]
   */
  constructor(subjects, { styles = [], patience = 1 } = {}) {
    this.#styles = styles;
    this.#lanes = subjects.map(
      (subject) =>
        new Lane(subject, patience, styles, (kind, name, text, trace) => {
          if (this.failures.length < MOST_FAILURES)
            this.failures.push({
              kind,
              subject: name,
              text,
              trace: trace.map((event) => this.#format(event)),
            });
        }),
    );
  }

  /** @param {Event} event the next in their order */
  push(event) {
    if (event.type === Type.Kill) {
      for (const lane of this.#lanes) {
        lane.note(event);
        lane.gathering?.kill(event.worker);
      }
      this.#dying.add(event.worker);
      this.#disturbances++;
      return;
    }
    if (event.type === Type.Death) {
      this.#bury(event);
      return;
    }
    for (const { rule } of this.#lanes) rule.claims.alive(event.worker, event.seq);
    const lane = this.#lanes[event.subject];
    if (lane === undefined) throw new Error(`An event is about the unknown lock ${event.subject}.`);
    lane.note(event);
    if (event.type === Type.Violation)
      lane.fail(
        'bad data',
        `worker ${event.worker} found what it guards to be wrong, code ${event.detail}`,
      );
    else if (lane.gathering !== null) lane.gathering.push(event);
    else if (event.type === Type.Calling || event.type === Type.Called) this.#call(lane, event);
    else if (event.type === Type.Start) this.#start(lane, event);
    else this.#continue(lane, event);
  }

  /**
   * Before the events of some time are pushed: workers whose event loops were late in it. A lock
   * that was reserved for such a one is anybody's, and the bound is lost for all who wait for it.
   * @param {ReadonlySet<number>} workers
   */
  notice(workers) {
    this.#late = workers;
    if (workers.size === 0) return;
    for (const [, operation] of this.#operations) this.#markLate(operation);
  }

  /** Whether there is a lock that someone could have now, and waits for. */
  get isStill() {
    return this.#lanes.some(
      ({ standstill, gathering }) => standstill.isStill || gathering?.isStill === true,
    );
  }

  /**
   * Time has passed, of which the events so far are seen.
   * @param {number} passed ms
   * @param {import('./meetings.mjs').Look} look
   */
  tick(passed, look = NOTHING_ODD) {
    this.#now += passed;
    // Who has something may have written that down where it cannot be seen yet.
    const counted = look.isBehind === true ? 0 : passed;
    this.behind += passed - counted;
    const dying =
      this.#dying.size === 0
        ? ''
        : `; told to end, and not heard of since: ${[...this.#dying].join(', ')}`;
    for (const lane of this.#lanes) {
      if (lane.gathering !== null) {
        lane.gathering.tick(this.#now, passed, look);
        continue;
      }
      lane.progress.tick(this.#now, passed, lane.rule.describe() + dying);
      if (lane.isHaunted && lane.isLineEmpty()) lane.isHaunted = false;
      const isReserved = lane.isHaunted && lane.isReserved();
      if (lane.standstill.tick(this.#now, counted, { ...look, dying: this.#dying, isReserved }))
        lane.disturbances++;
    }
  }

  /**
   * Whether everybody who waits for a lock waits on its condition, and has not been called.
   * @param {number} subject
   */
  isQuiet(subject) {
    return this.#lanes[subject]?.progress.isQuiet === true;
  }

  /** ms for which someone has waited where nobody holds anything. @param {number} subject */
  lull(subject) {
    return this.#lanes[subject]?.gathering?.lull ?? 0;
  }

  /**
   * A record was in a queue when all workers had ended.
   * @param {number} subject @param {number} which @param {number} id
   */
  found(subject, which, id) {
    const { gathering } = this.#lanes[subject] ?? {};
    if (gathering instanceof Traffic) gathering.found(which, id);
  }

  /**
   * The run is over, all workers have ended.
   * @returns what is left, for each lock
   */
  finish() {
    for (const { gathering } of this.#lanes) gathering?.finish();
    return this.#lanes.map(({ rule }) => rule.finish());
  }

  /** Of barriers and queues. */
  gatherings() {
    return this.#lanes.flatMap(({ name, gathering }) =>
      gathering === null ? [] : [{ lock: name, ...gathering.summary() }],
    );
  }

  summary() {
    const locks = this.#lanes.filter(({ gathering }) => gathering === null);
    return locks.map(({ name, counts, progress, longest, standstill, tries }) => ({
      lock: name,
      ...counts,
      certainTries: tries.counted,
      longestStandstill: Math.round(Math.max(0, standstill.longest)),
      lateEnds: standstill.late,
      excused: Object.fromEntries(
        Object.entries(standstill.excused).map(([why, ms]) => [why, Math.round(ms)]),
      ),
      maxWait: Math.round(progress.maxWait),
      maxCalmWait: Math.round(progress.maxCalmWait),
      calmWaits: progress.calmWaits,
      longestAllowed: longest,
    }));
  }

  /** @param {Lane} lane @param {Event} event */
  #start(lane, { worker, op, subject, seq, style, detail }) {
    /** @type {Operation} */
    const operation = {
      worker,
      op,
      subject,
      seq,
      style: this.#styles[style] ?? String(style),
      detail,
      state: 'asking',
      isOnCondition: false,
      isCalled: false,
      calledAt: undefined,
      wasLate: false,
    };
    this.#operations.set(`${worker}:${op}`, operation);
    lane.rule.start(operation);
    lane.standstill.start(operation);
    lane.tries.start(operation, this.#now);
    this.#markLate(operation);
    lane.progress.start(operation, this.#now, this.#disturbed(lane));
  }

  /** @param {Operation} operation */
  #markLate(operation) {
    if (
      operation.state !== 'asking' ||
      (operation.detail & Start.Async) === 0 ||
      !this.#late.has(operation.worker)
    )
      return;
    operation.wasLate = true;
    const lane = this.#lanes[operation.subject];
    if (lane !== undefined && !operation.isOnCondition) lane.disturbances++;
  }

  /** @param {Lane} lane @param {Event} event */
  #continue(lane, event) {
    const { worker, op, seq, type, detail } = event;
    const operation = this.#operations.get(`${worker}:${op}`);
    const wanted =
      type === Type.Acquired || type === Type.GaveUp
        ? 'asking'
        : type === Type.Released
          ? 'releasing'
          : 'holding';
    if (operation?.state !== wanted) {
      lane.fail(
        'bad history',
        `${this.#format(event)} does not follow from ${operation === undefined ? 'any start' : `'${operation.state}'`}`,
      );
      return;
    }
    switch (type) {
      case Type.Acquired:
        this.#acquired(lane, operation, seq, detail);
        break;
      case Type.GaveUp:
        lane.rule.gaveUp(operation);
        lane.progress.gone(operation);
        lane.standstill.gaveUp(operation);
        lane.tries.gaveUp(operation, lane.isHaunted && detail === Refusal.Reserved);
        lane.counts[REFUSALS[detail] ?? 'aborted']++;
        this.#operations.delete(`${worker}:${op}`);
        break;
      case Type.Releasing:
        operation.state = 'releasing';
        lane.rule.releasing(operation);
        break;
      case Type.Released:
        lane.rule.released(operation);
        lane.standstill.released(operation);
        lane.tries.released(operation);
        this.#operations.delete(`${worker}:${op}`);
        break;
      case Type.Waiting:
        lane.rule.releasing(operation);
        Object.assign(operation, {
          state: 'asking',
          isOnCondition: true,
          isCalled: lane.callers.size > 0,
          calledAt: undefined,
          wasLate: false,
          detail,
          seq,
        });
        lane.standstill.start(operation);
        lane.progress.start(operation, this.#now, this.#disturbed(lane));
        lane.counts.conditionWaits++;
        break;
      default:
        throw new Error(`An event is of the unknown type ${type}.`);
    }
  }

  /** @param {Lane} lane @param {Operation} operation @param {number} seq @param {number} detail */
  #acquired(lane, operation, seq, detail) {
    const { rule, progress, counts, standstill, tries, fail } = lane;
    rule.acquired(operation, seq, detail);
    progress.acquired(operation, this.#now, this.#disturbed(lane));
    standstill.acquired(operation);
    tries.acquired(operation);
    operation.state = 'holding';
    counts.acquired++;
    if ((detail & Acquired.Abandoned) !== 0) counts.abandoned++;
    if ((detail & Acquired.Notified) !== 0) {
      counts.notified++;
      if (!operation.isCalled)
        fail(
          'false notification',
          `worker ${operation.worker} was notified, and nobody had notified since it waited`,
        );
    }
    operation.isOnCondition = false;
  }

  /** @param {Lane} lane @param {Event} event */
  #call({ callers, progress }, { worker, type, subject, detail }) {
    if (type === Type.Called) {
      const others = (callers.get(worker) ?? 0) - 1;
      if (others > 0) callers.set(worker, others);
      else callers.delete(worker);
      return;
    }
    callers.set(worker, (callers.get(worker) ?? 0) + 1);
    for (const operation of this.#operations.values())
      if (operation.isOnCondition) operation.isCalled = true;
    if ((detail & Call.AllLocked) !== 0 && subject >= 0) progress.called(this.#now);
  }

  /** @param {Event} event */
  #bury(event) {
    const { worker, seq } = event;
    for (const lane of this.#lanes) lane.note(event);
    this.#dying.delete(worker);
    this.#disturbances++;
    const own = [...this.#operations].filter(([, operation]) => operation.worker === worker);
    for (const [key] of own) this.#operations.delete(key);
    const operations = own.map(([, operation]) => operation);
    for (const lane of this.#lanes) {
      const { rule, progress, callers, standstill, tries, gathering } = lane;
      if (gathering !== null) {
        gathering.died(worker, seq);
        continue;
      }
      callers.delete(worker);
      for (const operation of operations) progress.gone(operation);
      const isWaiter = operations.some(
        ({ subject, state, detail }) =>
          this.#lanes[subject] === lane && state === 'asking' && (detail & Start.Try) === 0,
      );
      lane.isHaunted ||= isWaiter;
      rule.died(worker, operations, seq);
      standstill.died(operations, this.#now);
      tries.died(operations, this.#now);
    }
  }

  /**
   * A number that is the same at two times only if nobody died or lost a turn, or was about to,
   * between them.
   * @param {Lane} lane
   */
  #disturbed(lane) {
    return this.#dying.size > 0 ? NaN : this.#disturbances + lane.disturbances;
  }

  /** @param {Event} event */
  #format({ seq, worker, type, op, style, detail }) {
    return `${seq}: worker ${worker}, operation ${op} (${this.#styles[style] ?? style}): ${NAMES.get(type) ?? type} ${detail}`;
  }
}
