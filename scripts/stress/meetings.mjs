// SPDX-License-Identifier: MIT
// What a history must be like for a barrier: of one generation all pass or none, as many as there
// are parties and each of them another one; it breaks only if someone gave up, died or broke it;
// and nobody goes on waiting when another one that came after it is through.
//
// Those who wait write down which generation there was before and after, as the barrier counts
// them; so each was in one from the first to the last but one. Together are those who fit. A worker
// that died at the barrier, or was refused by a reset when its generation was over already, may
// have been in one of them or not: it is in doubt, and may take the place of one that is missing,
// once.

import { Call, Refusal, Start, Type, WHICH } from './journal.mjs';

/** @typedef {import('./journal.mjs').Event} Event */
/** @typedef {import('./permits.mjs').Fail} Fail */
/**
 * `next` is a number that no event has had yet; behind: events are known of that cannot be seen
 * yet, since another one was about to be written before them.
 * @typedef
 * {Pick<import('./standstill.mjs').Look, 'lost' | 'late'> & { next?: number, isBehind?: boolean }}
 * Look
 */

/**
 * One who waits.
 * @typedef {object} Arrival
 * @property {number} worker
 * @property {number} op
 * @property {string} style
 * @property {number} detail bits of `Start`
 * @property {number} start when it came
 * @property {number} generation there was then
 * @property {number} settled the number of an event: by then it had arrived for certain; infinite:
 * that is not known yet
 * @property {number} waited ms in which it could have done something
 * @property {number} since ms
 * @property {string | null} over why it can wait no longer
 * @property {number} overdue ms since then, in which it could have done something
 * @property {boolean} wasLate
 * @property {number} reset when the last reset began that was over before
 */

/**
 * One that has passed, in a generation from the first to the last.
 * @typedef {{ worker: number, op: number, place: number, first: number, last: number }} Passage
 */

/**
 * One that may have been in a generation, from one to another, and has not passed. The end is when
 * it died, or was refused.
 * @typedef {{ first: number, last: number, end: number }} Doubt
 */

/** As the barrier counts generations, see `arrivals.ts`: so many, then from the beginning. */
const ROUND = 0x7fff - 4 + 1;
/** ms in which one has arrived that is about to. */
const ARRIVED = 20;
/** ms that one may wait when it need not any more. */
const LONGEST = 100;
/** ms; of what is over later than this, most was ended by someone who looked by himself. */
const LATE = 20;
/** ms until a death is noticed, and the checker's own clock. */
const NOTICED = 55 + 20;
/** ms that one waits in any case, and in an event loop that does not always come round. */
const EVER = 10_000;
const EVER_LATE = 60_000;
const MOST_RESETS = 16;

const isAsync = (/** @type {Arrival} */ { detail }) => (detail & Start.Async) !== 0;

export class Meetings {
  /** @type {Map<string, Arrival>} */
  #open = new Map();
  /** Of whom it is not said yet with whom they passed. @type {Passage[]} */
  #passages = [];
  /** The latest generation that was seen; the numbers go on after a round. */
  #latest = 0;
  /** @type {Doubt[]} */
  #doubts = [];
  /** Who is about to abort or reset. @type {Map<number, { seq: number, detail: number }[]>} */
  #calls = new Map();
  /** @type {{ calling: number, called: number }[]} */
  #resets = [];
  /** When it can have been reset last. */
  #called = -1;
  /** When it can have been broken last, resets apart. */
  #cause = -1;
  #dying = new Set();
  #seq = 0;
  #now = 0;
  /** ms for which enough have waited, and nobody went on. */
  #full = 0;
  #quiet = 0;
  #parties;
  #patience;
  #fail;
  #words;
  #styles;
  #generation;
  /** Generations in which one died, of which it is to be seen whether they are over. */
  #deadly = new Set();
  counts = {
    passed: 0,
    generations: 0,
    broken: 0,
    timedOut: 0,
    aborted: 0,
    refused: 0,
    resets: 0,
    aborts: 0,
  };
  /** Waits that were known to be over, and the longest of them since then, in ms. */
  watched = 0;
  longest = 0;
  late = 0;
  /** Waits with one that had died. */
  deaths = 0;
  maxWait = 0;
  /** ms in which those who wait had no CPU. */
  excused = 0;

  /**
   * @param {object} options
   * @param {number} options.parties
   * @param {number} options.patience
   * @param {Fail} options.fail
   * @param {() => string} options.words
   * @param {readonly string[]} options.styles
   * @param {() => number | null} [options.generation] that there is now, as the barrier counts
   * them; null: it is broken
   */
  constructor({ parties, patience, fail, words, styles, generation = () => null }) {
    this.#generation = generation;
    this.#parties = parties;
    this.#patience = patience;
    this.#fail = fail;
    this.#words = words;
    this.#styles = styles;
  }

  /** @param {Event} event of this barrier */
  push(event) {
    const { type, worker, op, seq, detail } = event;
    this.#seq = seq;
    if (type === Type.Start) {
      this.#start(event);
      return;
    }
    if (type === Type.Calling || type === Type.Called) {
      this.#call(event);
      return;
    }
    const key = `${worker}:${op}`;
    const arrival = this.#open.get(key);
    if (arrival === undefined) {
      this.#fail('bad history', `worker ${worker} ends operation ${op}, which it had not begun`);
      return;
    }
    this.#open.delete(key);
    this.maxWait = Math.max(this.maxWait, this.#now - arrival.since);
    this.#full = 0;
    this.#quiet = 0;
    if (arrival.over !== null && arrival.overdue > LATE * this.#patience) this.late++;
    const after = this.#count(detail >> WHICH);
    // Whoever died before this one came was in none of those that came later.
    for (const doubt of this.#doubts)
      if (doubt.last === Infinity && doubt.end < arrival.start) doubt.last = after;
    const answer = detail & ((1 << WHICH) - 1);
    if (type === Type.Acquired) this.#passed(arrival, answer, after);
    else this.#gaveUp(arrival, seq, answer, after);
    this.#account();
  }

  /** A worker is told to end. @param {number} worker */
  kill(worker) {
    this.#dying.add(worker);
  }

  /** @param {number} worker @param {number} seq */
  died(worker, seq) {
    this.#dying.delete(worker);
    // Of what it was about to do it is not known whether it did.
    if (this.#calls.delete(worker)) this.#called = seq;
    this.#cause = seq;
    this.#seq = seq;
    for (const [key, arrival] of this.#open) {
      if (arrival.worker !== worker) continue;
      this.#open.delete(key);
      this.#doubts.push({ first: arrival.generation, last: Infinity, end: seq });
      if (arrival.settled < Infinity) this.#deadly.add(arrival.generation);
    }
    this.#account();
  }

  /**
   * Some time has passed.
   * @param {number} now
   * @param {number} passed ms
   * @param {Look} look
   */
  tick(now, passed, { lost, late, next = this.#seq + 1, isBehind = false }) {
    this.#now = now;
    this.#quiet += passed;
    this.#lookAtDead();
    let least = passed;
    let settled = 0;
    // Whoever has no CPU may be the one that is to wake the others.
    const noCpu = Math.max(
      0,
      ...[...this.#open.values()]
        .filter((arrival) => !isAsync(arrival) || !late.has(arrival.worker))
        .map(({ worker }) => lost(worker)),
    );
    const able = isBehind ? 0 : passed - Math.min(passed, noCpu);
    if (this.#open.size > 0) this.excused += passed - able;
    for (const arrival of this.#open.values()) {
      const isLate = isAsync(arrival) && late.has(arrival.worker);
      arrival.wasLate ||= isLate;
      const counted = isLate || this.#dying.has(arrival.worker) ? 0 : able;
      arrival.waited += counted;
      if (arrival.settled === Infinity && arrival.waited > ARRIVED * this.#patience)
        arrival.settled = next;
      if (arrival.settled < Infinity) {
        settled++;
        least = Math.min(least, counted);
      }
      this.#watch(arrival, counted);
    }
    this.#full = settled < this.#parties ? 0 : this.#full + least;
    if (this.#full <= LONGEST * this.#patience) return;
    this.#full = -Infinity;
    this.#fail(
      'standstill',
      `${settled} wait for ${this.#parties}, and nobody went on: ${this.#describe()}; its words: ${this.#words()}`,
    );
  }

  get isStill() {
    return this.#open.size > 0;
  }

  /** ms for which someone has waited, and nobody went on. */
  get lull() {
    return this.#open.size === 0 ? 0 : this.#quiet;
  }

  /** The run is over, all workers have ended. */
  finish() {
    this.#account();
    const { size } = this.#open;
    if (size > 0) this.#fail('in the end', `${size} wait, and all have ended`);
  }

  summary() {
    return {
      ...this.counts,
      watched: this.watched,
      withDead: this.deaths,
      longestStandstill: Math.round(this.longest),
      lateEnds: this.late,
      maxWait: Math.round(this.maxWait),
      noCpu: Math.round(this.excused),
    };
  }

  /** @param {Event} event */
  #start({ worker, op, style, detail, seq }) {
    this.#open.set(`${worker}:${op}`, {
      worker,
      op,
      style: this.#styles[style] ?? String(style),
      detail,
      start: seq,
      generation: this.#count(detail >> WHICH),
      settled: Infinity,
      waited: 0,
      since: this.#now,
      over: null,
      overdue: 0,
      wasLate: false,
      reset: this.#resets.at(-1)?.calling ?? -1,
    });
    if (this.#open.size === 1) this.#quiet = 0;
  }

  /** @param {Event} event */
  #call({ type, worker, seq, detail }) {
    const calls = this.#calls.get(worker) ?? [];
    if (type === Type.Calling) {
      calls.push({ seq, detail });
      this.#calls.set(worker, calls);
      return;
    }
    const call = calls.shift();
    if (calls.length === 0) this.#calls.delete(worker);
    if (call === undefined) return;
    for (const arrival of this.#open.values())
      if (arrival.settled <= call.seq) this.#isOver(arrival, `worker ${worker} broke it`, 0);
    if (detail === Call.Abort) {
      this.counts.aborts++;
      this.#cause = seq;
      return;
    }
    this.counts.resets++;
    this.#called = seq;
    this.#resets.push({ calling: call.seq, called: seq });
    if (this.#resets.length > MOST_RESETS) this.#resets.shift();
  }

  /** @param {Arrival} arrival @param {number} place @param {number} after */
  #passed(arrival, place, after) {
    const { worker, op, generation: first } = arrival;
    this.counts.passed++;
    if (place < 0 || place >= this.#parties)
      this.#fail('bad place', `worker ${worker} was number ${place} of ${this.#parties}`);
    if (after <= first)
      this.#fail(
        'early pass',
        `worker ${worker} (operation ${op}) has passed, and generation ${first}, in which it came, is not over`,
      );
    this.#passages.push({ worker, op, place, first, last: after - 1 });
    this.#end(arrival, `worker ${arrival.worker} has passed that came later`, 0);
  }

  /** @param {Arrival} arrival @param {number} seq @param {number} refusal @param {number} after */
  #gaveUp(arrival, seq, refusal, after) {
    if (refusal === Refusal.Refused) {
      // It was aborted before it came.
      this.counts.refused++;
      return;
    }
    if (refusal === Refusal.Broken) {
      this.counts.broken++;
      this.#judge(arrival);
      this.#doubt(arrival, seq, after);
      this.#end(arrival, `worker ${arrival.worker} found it broken that came later`, 0);
      return;
    }
    this.counts[refusal === Refusal.TimedOut ? 'timedOut' : 'aborted']++;
    this.#cause = seq;
    this.#end(arrival, `worker ${arrival.worker} gave up that came later`, 0);
  }

  /**
   * Whoever has not seen yet that its generation is over is refused by a reset, too; so is one that
   * arrived between two that were made at a time.
   * @param {Arrival} arrival @param {number} seq @param {number} after
   */
  #doubt({ start, generation }, seq, after) {
    const isBeingReset = [...this.#calls.values()].some((calls) =>
      calls.some(({ detail }) => detail === Call.Reset),
    );
    if (isBeingReset || this.#called > start)
      this.#doubts.push({ first: generation, last: after, end: seq });
  }

  /** Whether there is anything that can have broken it. @param {Arrival} arrival */
  #judge({ worker, op, reset }) {
    const canBe =
      this.#cause > reset ||
      this.#dying.size > 0 ||
      this.#calls.size > 0 ||
      this.#resets.some(({ calling, called }) => calling !== reset && called > reset) ||
      [...this.#open.values()].some(({ detail }) => (detail & Start.Timed) !== 0);
    if (!canBe)
      this.#fail(
        'false break',
        `worker ${worker} (operation ${op}) found it broken, and nobody had given up, died or broken it since the last reset`,
      );
  }

  /** Those who wait with one that died there must find it out, if the others do not come. */
  #lookAtDead() {
    if (this.#deadly.size === 0) return;
    const seen = this.#generation();
    const now = seen === null ? null : this.#count(seen);
    if (now !== null && this.#deadly.has(now))
      for (const arrival of this.#open.values())
        if (arrival.settled < Infinity && arrival.generation === now) {
          this.deaths++;
          this.#isOver(arrival, 'one died that had arrived', -NOTICED * this.#patience);
        }
    // Later it may be over, and whoever came then in another one.
    this.#deadly.clear();
  }

  /**
   * One that came after others had arrived is through: so must they be.
   * @param {Arrival} last @param {string} why @param {number} overdue ms, below zero if some are
   * left to them
   */
  #end(last, why, overdue) {
    for (const arrival of this.#open.values())
      if (arrival.settled <= last.start) this.#isOver(arrival, why, overdue);
  }

  /** @param {Arrival} arrival @param {string} why @param {number} overdue */
  #isOver(arrival, why, overdue) {
    if (arrival.over === null) {
      this.watched++;
      arrival.over = why;
      arrival.overdue = overdue;
    } else arrival.overdue = Math.max(arrival.overdue, overdue);
  }

  /** @param {Arrival} arrival @param {number} counted */
  #watch(arrival, counted) {
    const { worker, op, style, over } = arrival;
    if (over !== null) {
      arrival.overdue += counted;
      this.longest = Math.max(this.longest, arrival.overdue);
      if (arrival.overdue > LONGEST * this.#patience) {
        arrival.overdue = -Infinity;
        this.#fail(
          'standstill',
          `worker ${worker} (operation ${op}, ${style}) waits though ${over}; its words: ${this.#words()}`,
        );
      }
    }
    const most = (arrival.wasLate ? EVER_LATE : EVER) * this.#patience;
    if (this.#now - arrival.since <= most) return;
    arrival.since = Infinity;
    this.#fail(
      'hang',
      `worker ${worker} (operation ${op}, ${style}) has waited for ${most} ms; its words: ${this.#words()}`,
    );
  }

  /** Whether generations that nobody else can have been in are whole. */
  #account() {
    const first = Math.min(...[...this.#open.values()].map(({ generation }) => generation));
    for (;;) {
      const passage = earliest(this.#passages, () => true);
      if (passage === undefined || passage.last >= first) break;
      this.#judgeWhole(passage);
    }
    const oldest = Math.min(first, ...this.#passages.map((passage) => passage.first));
    this.#doubts = this.#doubts.filter(({ last }) => last >= oldest);
  }

  /** Takes those together that can have passed with one of them. @param {Passage} passage */
  #judgeWhole(passage) {
    const { last } = passage;
    this.#passages.splice(this.#passages.indexOf(passage), 1);
    const together = [passage];
    for (let place = 0; place < this.#parties; place++) {
      if (place === passage.place) continue;
      const other = earliest(this.#passages, (some) => some.place === place && some.first <= last);
      if (other === undefined) continue;
      this.#passages.splice(this.#passages.indexOf(other), 1);
      together.push(other);
    }
    this.#swap(together, last);
    if (together.length === this.#parties) {
      this.counts.generations++;
      return;
    }
    for (let missing = this.#parties - together.length; missing > 0; missing--) {
      const doubt = earliest(this.#doubts, (some) => some.first <= last);
      if (doubt === undefined) {
        const who = together.map(
          ({ worker, op, place }) => `worker ${worker} (operation ${op}) as ${place}`,
        );
        this.#fail(
          'early pass',
          `${who.join(', ')} passed by generation ${last}, and nobody else with them, where ${this.#parties} must`,
        );
        return;
      }
      this.#doubts.splice(this.#doubts.indexOf(doubt), 1);
    }
  }

  /**
   * One that may have passed later as well may have, and one in doubt have been here instead: then
   * it can do what that one could.
   * @param {readonly Passage[]} together @param {number} last
   */
  #swap(together, last) {
    const first = Math.max(...together.map((passage) => passage.first));
    const latest = Math.max(...together.map((passage) => passage.last));
    for (const doubt of this.#doubts)
      if (doubt.first <= last && doubt.last >= first) doubt.last = Math.max(doubt.last, latest);
  }

  /** The number of a generation that goes on after a round. @param {number} seen */
  #count(seen) {
    const rounds = Math.round((this.#latest - seen) / ROUND);
    const number = seen + rounds * ROUND;
    this.#latest = Math.max(this.#latest, number);
    return number;
  }

  #describe() {
    return [...this.#open.values()]
      .map(({ worker, op, style }) => `worker ${worker} (operation ${op}, ${style})`)
      .join(', ');
  }
}

/**
 * The one that must be in the earliest generation, of those that will do.
 * @template {{ last: number }} T
 * @param {readonly T[]} some @param {(one: T) => boolean} willDo
 * @returns {T | undefined}
 */
function earliest(some, willDo) {
  /** @type {T | undefined} */
  let found;
  for (const one of some)
    if (willDo(one) && (found === undefined || one.last < found.last)) found = one;
  return found;
}
