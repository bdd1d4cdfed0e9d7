// SPDX-License-Identifier: MIT
// What a history must be like for a queue: a record that was pushed is popped once, one that was
// not is not, and none before another one whose push was over when its own began; nothing is left
// behind when a later one was popped, or the queue was found closed and empty; nothing stands still
// while there is room, or a record.
//
// Who died pushing may have pushed or not. Who died popping may have taken one record with it: it
// is in doubt as long as there is one from before its death.

import { Call, Refusal, Start, Type, WHICH } from './journal.mjs';
import { Standstill } from './standstill.mjs';
import { capacityOf } from './series.mjs';

/** @typedef {import('./journal.mjs').Event} Event */
/** @typedef {import('./permits.mjs').Fail} Fail */
/** @typedef {import('./history.mjs').Operation} Operation */

/**
 * @typedef {Operation & { isPush: boolean, since: number, isCertain: boolean }} Passage what one
 * worker does at an end of the queue
 */

/**
 * A record that is in the queue, or may be.
 * @typedef {object} Parcel
 * @property {number} id
 * @property {number} worker
 * @property {number} start when its push began
 * @property {number} end when that was over; infinite: it goes on
 * @property {boolean} isAsync
 * @property {boolean} isDoubtful its worker died pushing
 * @property {boolean} isPopped
 * @property {number} overtaken by then it had been taken, if it was in the queue
 */

/** @typedef {{ start: number, death: number }} Doubt someone who died popping */

/** ms that one waits in any case, and in an event loop that does not always come round. */
const EVER = 10_000;
const EVER_LATE = 60_000;
/** ms until a death is noticed, and the checker's own clock. */
const NOTICED = 55 + 20;
/** As many records are remembered that were popped, to say so. */
const MOST_POPPED = 4096;

const isAsync = (/** @type {Passage} */ { detail }) => (detail & Start.Async) !== 0;

const newCounts = () => ({
  pushed: 0,
  popped: 0,
  refused: 0,
  timedOut: 0,
  aborted: 0,
  closed: 0,
  takenByDead: 0,
  certainTries: 0,
});

/** One end of one queue. */
class Side {
  /** @type {Map<number, Passage>} */
  open = new Map();
  /** Whether waiters may be counted in the line that are dead. */
  isHaunted = false;
  quietFrom = -Infinity;
  /** @type {Standstill} */
  standstill;

  /** @param {Standstill} standstill */
  constructor(standstill) {
    this.standstill = standstill;
  }
}

/** One queue. */
class Lane {
  /** @type {Map<number, Parcel>} */
  parcels = new Map();
  /** @type {Doubt[]} */
  doubts = [];
  /** By whom each was popped. @type {Map<number, number>} */
  popped = new Map();
  isClosing = false;
  /** When it was closed for certain. */
  closed = Infinity;
  /** When it was found closed and empty. */
  empty = Infinity;
  capacity;
  push;
  pop;

  /**
   * @param {number} which
   * @param {{ patience: number, fail: Fail, words: () => string }} options
   */
  constructor(which, { patience, fail, words }) {
    this.capacity = capacityOf(which);
    const side = (/** @type {() => boolean} */ hasRoom) =>
      new Side(new Standstill({ permits: 1, patience, fail, words, hasRoom }));
    this.push = side(() => this.closed < Infinity || this.#inside(true) < this.capacity);
    this.pop = side(() => this.closed < Infinity || this.#inside(false) > this.doubts.length);
  }

  /** How many records are in it for certain; or at most, those apart that are being pushed. */
  #inside(/** @type {boolean} */ isMost) {
    let count = 0;
    for (const { end, isDoubtful, isPopped, overtaken } of this.parcels.values())
      if (end < Infinity && !isPopped && (isMost || (!isDoubtful && overtaken === Infinity)))
        count++;
    return count;
  }

  /** For certain, whatever those do that are at it. */
  get least() {
    return this.#inside(false) - this.doubts.length - this.pop.open.size;
  }

  /** How many places are taken at most, whatever those do that are at it. */
  get most() {
    return this.#inside(true) + this.push.open.size;
  }
}

export class Traffic {
  /** By the number of the queue. @type {Map<number, Lane>} */
  #lanes = new Map();
  /** Where each operation is that goes on. @type {Map<number, Lane>} */
  #places = new Map();
  #options;
  #styles;
  #isReserved;
  #isLineEmpty;
  #dying = new Set();
  #now = 0;
  #quiet = 0;
  counts = newCounts();
  maxWait = 0;

  /**
   * @param {object} options
   * @param {number} options.patience
   * @param {Fail} options.fail
   * @param {readonly string[]} options.styles
   * @param {(which: number) => string} [options.words]
   * @param {(which: number, isPush: boolean) => boolean} [options.isReserved]
   * @param {(which: number, isPush: boolean) => boolean} [options.isLineEmpty]
   */
  constructor({
    patience,
    fail,
    styles,
    words = () => 'unknown',
    isReserved = () => false,
    isLineEmpty = () => false,
  }) {
    this.#options = { patience, fail, words };
    this.#styles = styles;
    this.#isReserved = isReserved;
    this.#isLineEmpty = isLineEmpty;
  }

  /** @param {Event} event of one of these queues */
  push(event) {
    const { type, detail } = event;
    if (type === Type.Calling || type === Type.Called) {
      this.#close(event);
      return;
    }
    if (type === Type.Start) {
      this.#start(this.#laneOf(detail >> WHICH), event);
      return;
    }
    this.#finish(event);
  }

  /** A worker is told to end. @param {number} worker */
  kill(worker) {
    this.#dying.add(worker);
  }

  /** @param {number} worker @param {number} seq */
  died(worker, seq) {
    this.#dying.delete(worker);
    for (const lane of this.#lanes.values()) {
      const own = [...lane.push.open.values(), ...lane.pop.open.values()].filter(
        (passage) => passage.worker === worker,
      );
      if (own.length === 0) continue;
      for (const passage of own) this.#bury(lane, passage, seq);
      for (const side of [lane.push, lane.pop]) {
        side.standstill.died(own, this.#now);
        side.standstill.excuseDeath(this.#now);
        side.quietFrom = this.#now + NOTICED * this.#options.patience;
      }
      this.#account(lane);
    }
  }

  /** @param {number} now @param {number} passed ms @param {import('./meetings.mjs').Look} look */
  tick(now, passed, look) {
    this.#now = now;
    this.#quiet += passed;
    for (const [which, lane] of this.#lanes) {
      for (const isPush of [true, false]) {
        const side = isPush ? lane.push : lane.pop;
        if (side.open.size === 0) continue;
        if (side.isHaunted && this.#isLineEmpty(which, isPush)) side.isHaunted = false;
        const isReserved = side.isHaunted && this.#isReserved(which, isPush);
        side.standstill.tick(now, look.isBehind === true ? 0 : passed, {
          ...look,
          dying: this.#dying,
          isReserved,
        });
        for (const passage of side.open.values()) this.#watch(which, passage, look.late);
      }
    }
  }

  get isStill() {
    for (const { push, pop } of this.#lanes.values())
      if (push.standstill.isStill || pop.standstill.isStill) return true;
    return false;
  }

  /** ms for which someone has waited, and nobody went on. */
  get lull() {
    for (const { push, pop } of this.#lanes.values())
      if (push.open.size + pop.open.size > 0) return this.#quiet;
    return 0;
  }

  /** What was found in a queue when all had ended. @param {number} which @param {number} id */
  found(which, id) {
    this.#take(this.#laneOf(which), id, 0, Number.MAX_SAFE_INTEGER);
  }

  /** The run is over, and what was left was found. */
  finish() {
    for (const lane of this.#lanes.values()) {
      for (const parcel of lane.parcels.values())
        if (parcel.overtaken === Infinity) parcel.overtaken = Number.MAX_SAFE_INTEGER;
      this.#account(lane);
    }
  }

  summary() {
    const standstills = [...this.#lanes.values()].flatMap(({ push, pop }) => [
      push.standstill,
      pop.standstill,
    ]);
    const sum = (/** @type {(of: Standstill) => number} */ read) =>
      Math.round(standstills.reduce((total, standstill) => total + read(standstill), 0));
    return {
      queues: this.#lanes.size,
      ...this.counts,
      longestStandstill: Math.round(Math.max(0, ...standstills.map(({ longest }) => longest))),
      lateEnds: sum(({ late }) => late),
      excused: {
        noCpu: sum(({ excused }) => excused.noCpu),
        deaths: sum(({ excused }) => excused.deaths),
        reserved: sum(({ excused }) => excused.reserved),
      },
      maxWait: Math.round(this.maxWait),
    };
  }

  /** @param {number} which */
  #laneOf(which) {
    let lane = this.#lanes.get(which);
    if (lane === undefined) {
      const { patience, fail, words } = this.#options;
      lane = new Lane(which, { patience, fail, words: () => words(which) });
      this.#lanes.set(which, lane);
    }
    return lane;
  }

  /** @param {Lane} lane @param {Event} event */
  #start(lane, { worker, op, subject, seq, style, detail }) {
    const isPush = (detail & Start.Push) !== 0;
    const side = isPush ? lane.push : lane.pop;
    /** @type {Passage} */
    const passage = {
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
      isPush,
      since: this.#now,
      isCertain: (detail & Start.Try) !== 0 && side.open.size === 0 && this.#now >= side.quietFrom,
    };
    passage.isCertain &&= isPush ? lane.most < lane.capacity : lane.least > 0;
    // Others that come may have it before.
    for (const other of side.open.values()) other.isCertain = false;
    if (lane.push.open.size + lane.pop.open.size === 0) this.#quiet = 0;
    side.open.set(op, passage);
    this.#places.set(op, lane);
    side.standstill.start(passage);
    if (!isPush) return;
    lane.parcels.set(op, {
      id: op,
      worker,
      start: seq,
      end: Infinity,
      isAsync: isAsync(passage),
      isDoubtful: false,
      isPopped: false,
      overtaken: lane.empty,
    });
  }

  /** @param {Event} event */
  #finish({ type, worker, op, seq, detail }) {
    const lane = this.#places.get(op);
    const passage = lane?.push.open.get(op) ?? lane?.pop.open.get(op);
    if (lane === undefined || passage?.worker !== worker) {
      this.#options.fail(
        'bad history',
        `worker ${worker} ends operation ${op}, which it had not begun`,
      );
      return;
    }
    const side = passage.isPush ? lane.push : lane.pop;
    side.open.delete(op);
    this.#places.delete(op);
    this.maxWait = Math.max(this.maxWait, this.#now - passage.since);
    if (type === Type.GaveUp && detail !== Refusal.Closed) side.standstill.gaveUp(passage);
    else {
      side.standstill.done(passage);
      this.#quiet = 0;
    }
    if (type === Type.GaveUp) this.#gaveUp(lane, passage, seq, detail);
    else if (passage.isPush) this.#pushed(lane, passage, seq);
    else {
      if (passage.isCertain) this.counts.certainTries++;
      this.counts.popped++;
      this.#take(lane, detail, worker, passage.seq, seq);
    }
    this.#account(lane);
  }

  /** @param {Lane} lane @param {Passage} passage @param {number} seq */
  #pushed(lane, { worker, op, seq: start, isCertain }, seq) {
    this.counts.pushed++;
    if (isCertain) this.counts.certainTries++;
    if (start > lane.closed)
      this.#options.fail('pushed', `worker ${worker} pushed record ${op} into a closed queue`);
    const parcel = lane.parcels.get(op);
    if (parcel === undefined) return;
    parcel.end = seq;
    if (parcel.isPopped) lane.parcels.delete(op);
    const { least, capacity } = lane;
    if (least > capacity)
      this.#options.fail('too many', `${least} records are in a queue for ${capacity}`);
  }

  /** @param {Lane} lane @param {Passage} passage @param {number} seq @param {number} refusal */
  #gaveUp(lane, passage, seq, refusal) {
    const { worker, op, isPush, isCertain } = passage;
    const { fail } = this.#options;
    const { counts } = this;
    if (refusal === Refusal.TimedOut) counts.timedOut++;
    else if (refusal === Refusal.Aborted) counts.aborted++;
    else if (refusal === Refusal.Closed) counts.closed++;
    else counts.refused++;
    if (isPush) {
      if (lane.parcels.get(op)?.isPopped === true)
        fail('popped twice', `record ${op} was popped, and worker ${worker} did not push it`);
      lane.parcels.delete(op);
    }
    if (refusal === Refusal.Closed) {
      if (!lane.isClosing) fail('false close', `worker ${worker} found an open queue closed`);
      if (!isPush) this.#foundEmpty(lane, seq);
    }
    const side = isPush ? lane.push : lane.pop;
    if (!isCertain || (refusal === Refusal.Reserved && side.isHaunted)) return;
    // It may have been closed, or what was in it was taken by others since.
    if (isPush ? lane.isClosing : false) return;
    counts.certainTries++;
    fail(
      'refused',
      `worker ${worker} tried (operation ${op}, ${passage.style}), and nobody else can have been in its way`,
    );
  }

  /** All that was ever in it was taken by now. @param {Lane} lane @param {number} seq */
  #foundEmpty(lane, seq) {
    lane.empty = Math.min(lane.empty, seq);
    for (const parcel of lane.parcels.values()) parcel.overtaken = Math.min(parcel.overtaken, seq);
  }

  /**
   * A record was popped.
   * @param {Lane} lane
   * @param {number} id
   * @param {number} worker
   * @param {number} start when the pop began
   * @param {number} [seq] when it was over
   */
  #take(lane, id, worker, start, seq = Infinity) {
    const { fail } = this.#options;
    const parcel = lane.parcels.get(id);
    if (parcel === undefined || parcel.isPopped) {
      const other = lane.popped.get(id);
      fail(
        'popped twice',
        `worker ${worker} popped record ${id}, ${other === undefined ? 'which was not in the queue' : `and so did worker ${other}`}`,
      );
      return;
    }
    if (start > parcel.overtaken)
      fail(
        'order',
        `worker ${worker} popped record ${id} of worker ${parcel.worker}, and later ones were popped before its pop began`,
      );
    lane.popped.set(id, worker);
    if (lane.popped.size > MOST_POPPED)
      for (const old of lane.popped.keys()) {
        lane.popped.delete(old);
        break;
      }
    parcel.isPopped = true;
    if (parcel.end < Infinity) lane.parcels.delete(id);
    for (const other of lane.parcels.values()) {
      const isBefore =
        other.end < parcel.start ||
        (other.worker === parcel.worker &&
          other.isAsync &&
          parcel.isAsync &&
          other.start < parcel.start);
      if (isBefore && !other.isPopped) other.overtaken = Math.min(other.overtaken, seq);
    }
  }

  /** Whether what was overtaken can have been taken by someone. @param {Lane} lane */
  #account(lane) {
    const { parcels, pop } = lane;
    for (const { id, worker, start, end, isDoubtful, isPopped, overtaken } of parcels.values()) {
      if (overtaken === Infinity || end === Infinity || isPopped) continue;
      if ([...pop.open.values()].some(({ seq }) => seq < overtaken)) continue;
      parcels.delete(id);
      if (isDoubtful) continue;
      const index = lane.doubts.findIndex(
        (doubt) => doubt.start < overtaken && doubt.death > start,
      );
      if (index >= 0) {
        lane.doubts.splice(index, 1);
        this.counts.takenByDead++;
        continue;
      }
      this.#options.fail(
        'lost record',
        `record ${id}, which worker ${worker} pushed, was not popped, and later ones were`,
      );
    }
    const first = Math.min(
      ...[...parcels.values()].map(({ start, isPopped }) => (isPopped ? Infinity : start)),
    );
    lane.doubts = lane.doubts.filter(({ death }) => death > first);
  }

  /** @param {Lane} lane @param {Passage} passage of a worker that died @param {number} seq */
  #bury(lane, passage, seq) {
    const { op, isPush } = passage;
    const side = isPush ? lane.push : lane.pop;
    side.open.delete(op);
    this.#places.delete(op);
    side.isHaunted ||= (passage.detail & Start.Try) === 0;
    if (!isPush) {
      lane.doubts.push({ start: passage.seq, death: seq });
      return;
    }
    const parcel = lane.parcels.get(op);
    if (parcel === undefined) return;
    if (parcel.isPopped) lane.parcels.delete(op);
    else Object.assign(parcel, { end: seq, isDoubtful: true });
  }

  /** @param {Event} event */
  #close({ type, seq, detail }) {
    const lane = this.#laneOf(detail >> WHICH);
    if ((detail & ((1 << WHICH) - 1)) !== Call.Close) return;
    lane.isClosing = true;
    if (type === Type.Called) lane.closed = Math.min(lane.closed, seq);
  }

  /** @param {number} which @param {Passage} passage @param {ReadonlySet<number>} late */
  #watch(which, passage, late) {
    passage.wasLate ||= isAsync(passage) && late.has(passage.worker);
    const most = (passage.wasLate ? EVER_LATE : EVER) * this.#options.patience;
    if (this.#now - passage.since <= most) return;
    passage.since = Infinity;
    this.#options.fail(
      'starvation',
      `worker ${passage.worker} (operation ${passage.op}, ${passage.style}) has waited for ${most} ms; words: ${this.#options.words(which)}`,
    );
  }
}
