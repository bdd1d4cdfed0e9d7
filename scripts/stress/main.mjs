// SPDX-License-Identifier: MIT
// The command `npm run stress`: workers use locks and are ended at random, and everything they did
// is checked while they do it. `history.mjs` is the checker, `crew.mjs` has the workers,
// `operations.mjs` what they do.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { guardStreams, loadAddon, requireWritable } from 'rseq-slice/internal';
import * as library from 'rseq-slice';
import { generationOf, isBroken, readState } from '../../dist/locks/engine/arrivals.js';
import { drain, inspect, meet } from './aftermath.mjs';
import { copyPackage, ORIGINAL } from './copies.mjs';
import { CpuTime } from './cpu-time.mjs';
import { Crew } from './crew.mjs';
import { History } from './history.mjs';
import { Call, COUNTER, Type, WHICH } from './journal.mjs';
import { STYLE_NAMES } from './operations.mjs';
import { HELP, readOptions, replayCommand } from './options.mjs';
import { Random } from './random.mjs';
import { formatFailures, formatSummary } from './report.mjs';
import {
  describeWords,
  hexadecimal,
  isLineEmpty,
  isLineReserved,
  isQueueLineEmpty,
  isReserved,
  subjectOf,
} from './subjects.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

/** @typedef {import('./options.mjs').Options} Options */

/** ms between two looks at what was written. */
const TICK = 10;
/** ms; what is more between two looks the machine was too busy for, and that is nobody's wait. */
const LONGEST_TICK = 20;
const SECOND = 1000;
/** ms until those who wait on a condition that nobody else is left to notify are woken. */
const LULL = 300;
/** ms until a barrier is broken, or a queue closed, where those wait: a death is noticed before. */
const LONG_LULL = 500;
/** ms for everybody to stop, and for a lock to be had in the end. */
const END = 20_000;
/** Seconds from one queue's end to the next one's, and how many there may be. */
const CLOSING = 1;
const MOST_CLOSINGS = 8192;
/** The main thread, in the history. */
const MAIN = 0;

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One run, and what it has seen so far. */
class Run {
  #options;
  #random;
  #subjects;
  #history;
  #crew;
  #cpu = new CpuTime();
  #events = 0;
  #last = performance.now();
  #lull = 0;
  interrupted = false;

  /** @param {Options} options @param {string} copy URL of another copy of the library */
  constructor(options, copy) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#subjects = options.kinds.map((kind) => subjectOf(library, kind, null, options.workers));
    const described = this.#subjects.map((subject) => ({
      name: subject.kind,
      permits: subject.permits,
      longest: subject.longest(options.workers + 1),
      words: () => describeWords(subject),
      isReserved: () => isReserved(subject),
      isLineEmpty: () => isLineEmpty(subject),
      ...gatheringOf(subject),
    }));
    this.#history = new History(described, { styles: STYLE_NAMES, patience: options.patience });
    const locks = this.#subjects.map(({ kind, handles }) => ({ kind, handles }));
    const libraries = { original: ORIGINAL, copy };
    this.#crew = new Crew({
      locks,
      libraries,
      planted: options.plant ?? null,
      random: this.#random.fork(0),
    });
  }

  async run() {
    const { seconds, workers, kills: rate } = this.#options;
    const crew = this.#crew;
    const started = performance.now();
    crew.start(workers);
    const passed = () => (performance.now() - started) / SECOND;
    let next = this.#random.gap(1 / rate);
    const closing = Math.max(CLOSING, seconds / MOST_CLOSINGS);
    let closed = 0;
    while (passed() < seconds && this.#isFine()) {
      await sleep(TICK);
      this.#look();
      crew.insist();
      // Every third second is for waits that nothing disturbs.
      const second = Math.floor(passed());
      const isCalm = second % 3 === 2;
      crew.calm(isCalm ? ((second - 2) / 3) % this.#subjects.length : null);
      if (passed() > closed + closing) {
        closed = passed();
        for (const { series } of this.#subjects) series?.wantClosed();
      }
      if (passed() < next) continue;
      if (!isCalm) crew.endOne();
      next = passed() + this.#random.gap(1 / rate);
    }
    crew.stop();
    const deadline = performance.now() + END * this.#options.patience;
    while (crew.size > 0 && performance.now() < deadline && this.#history.failures.length === 0) {
      await sleep(TICK);
      this.#look();
      crew.insist();
    }
    if (crew.size > 0) {
      if (this.#history.failures.length === 0)
        this.#fail('hang', `${crew.size} workers have not stopped`);
      await crew.abort();
    } else await this.#inspect();
    return {
      locks: this.#history.summary(),
      gatherings: this.#history.gatherings(),
      kills: crew.kills,
      started: crew.started,
      kinds: crew.kinds,
      countsCpu: this.#cpu.isCounted,
      events: this.#events,
      behind: Math.round(this.#history.behind),
      seconds: passed(),
      failures: this.#history.failures,
    };
  }

  /** The words of the locks, for whoever looks for a cause. */
  words() {
    return this.#subjects.map(describeWords).join('\n');
  }

  #isFine() {
    return (
      this.#history.failures.length === 0 && this.#crew.errors.length === 0 && !this.interrupted
    );
  }

  /** Checks what has been written since the last time. */
  #look() {
    const now = performance.now();
    const passed = Math.min(now - this.#last, LONGEST_TICK);
    this.#last = now;
    const events = this.#crew.collect();
    this.#events += events.length;
    const late = this.#crew.late();
    this.#history.notice(late);
    for (const event of events) this.#history.push(event);
    if (!this.#history.isStill) this.#cpu.forget();
    const next = Atomics.load(this.#crew.shared, COUNTER);
    const { isBehind } = this.#crew;
    this.#history.tick(passed, { late, lost: this.#lostIn(passed), next, isBehind });
    this.#notify(passed);
    this.#release();
    for (const error of this.#crew.errors.splice(0)) this.#fail('error', error);
  }

  /**
   * How long each worker had no CPU in the time that has passed; each is looked at once.
   * @param {number} passed
   */
  #lostIn(passed) {
    /** @type {Map<number, number>} */
    const known = new Map();
    const helpers = this.#cpu.lostByHelpers(passed);
    return (/** @type {number} */ worker) => {
      const lost =
        known.get(worker) ?? Math.max(helpers, this.#cpu.lost(this.#crew.threadOf(worker), passed));
      known.set(worker, lost);
      return lost;
    };
  }

  /**
   * Whoever waits on a condition without a limit counts on others, who may all do the same.
   * @param {number} passed
   */
  #notify(passed) {
    this.#subjects.forEach(({ condition }, subject) => {
      if (condition === null) return;
      this.#lull = this.#history.isQuiet(subject) ? this.#lull + passed : 0;
      if (this.#lull < LULL && this.#crew.size > 0 && !this.#isStopping()) return;
      this.#lull = 0;
      this.#crew.write(Type.Calling, MAIN, subject);
      condition.notifyAll();
      this.#crew.write(Type.Called, MAIN, subject);
    });
  }

  /**
   * Whoever waits at a barrier or a queue without a limit counts on others, who may all wait
   * elsewhere: then the barrier breaks, or the queue is closed.
   */
  #release() {
    const lull = LONG_LULL * this.#options.patience;
    this.#subjects.forEach(({ barrier, series }, subject) => {
      if (barrier === null && series === null) return;
      if (this.#history.lull(subject) < lull && !this.#isStopping()) return;
      const call = (/** @type {number} */ what, /** @type {() => void} */ run) => {
        this.#crew.write(Type.Calling, MAIN, subject, what);
        run();
        this.#crew.write(Type.Called, MAIN, subject, what);
      };
      if (barrier?.broken === false) call(Call.Abort, () => void barrier.abort());
      if (series === null) return;
      for (let which = series.current(false); which <= series.current(true); which++) {
        const queue = series.at(which);
        if (!queue.closed) call(Call.Close | (which << WHICH), () => void queue.close());
      }
    });
  }

  #isStopping() {
    return Atomics.load(this.#crew.shared, 1) !== 0;
  }

  async #inspect() {
    this.#look();
    this.#subjects.forEach(({ series }, index) => {
      if (series === null) return;
      for (const { which, id } of drain(series)) this.#history.found(index, which, id);
    });
    const left = this.#history.finish();
    if (!this.#isFine()) return;
    for (const [index, subject] of this.#subjects.entries()) {
      if (subject.barrier !== null)
        for (const text of await meet(subject.barrier, END))
          this.#fail('in the end', text, 'barrier');
      if (subject.faces.length === 0) continue;
      const wrong = await inspect(subject, left[index] ?? { held: 0, dead: 0, doubtful: 0 }, END);
      for (const text of wrong) this.#fail('in the end', text, subject.kind);
    }
  }

  /** @param {string} kind @param {string} text @param {string} [subject] */
  #fail(kind, text, subject = 'all') {
    this.#history.failures.push({ kind, subject, text, trace: [] });
  }
}

/**
 * What the history has to know of a barrier, or of queues.
 * @param {import('./subjects.mjs').Subject} subject
 */
function gatheringOf({ barrier, series }) {
  if (barrier !== null) {
    const { buffer, byteOffset } = barrier.handle;
    const words = new Int32Array(buffer, byteOffset);
    const generation = () => {
      const state = readState(words);
      return isBroken(state) ? null : generationOf(state);
    };
    return { parties: barrier.parties, generation };
  }
  if (series === null) return {};
  const queues = {
    words: (/** @type {number} */ which) => hexadecimal(series.wordsOf(which)),
    isReserved: (/** @type {number} */ which, /** @type {boolean} */ isPush) =>
      isLineReserved(series, which, isPush),
    isLineEmpty: (/** @type {number} */ which, /** @type {boolean} */ isPush) =>
      isQueueLineEmpty(series, which, isPush),
  };
  return { queues };
}

/** @param {Options} options @returns {Promise<number>} the exit code */
async function run(options) {
  const { slices, kernel } = library.probe();
  process.stdout.write(
    `seed ${options.seed}; Node ${process.version}, Linux ${kernel.release}, ${slices.available ? 'slices' : 'no slices'}, addon ${loadAddon().state}\n`,
  );
  const { url, remove } = copyPackage();
  process.once('exit', remove);
  const run = new Run(options, url);
  const interrupt = () => {
    run.interrupted = true;
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const result = await run.run();
  const command = replayCommand(options);
  process.stdout.write(formatSummary(result));
  if (options.json !== undefined) {
    const { json: _, ...asked } = options;
    const machine = {
      node: process.version,
      kernel: kernel.release,
      slices: slices.available,
      addon: loadAddon().state,
    };
    writeFileSync(
      options.json,
      `${JSON.stringify({ date: new Date().toISOString(), command, options: asked, ...machine, ...result }, null, 2)}\n`,
    );
  }
  if (result.failures.length > 0) {
    process.stderr.write(
      `${formatFailures(result.failures, command)}The words of the locks:\n${run.words()}\n`,
    );
    return 1;
  }
  return run.interrupted ? 130 : 0;
}

/**
 * Node decides at its start whether there are addons.
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
function runWithoutAddons(args) {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--no-addons', fileURLToPath(import.meta.url), ...args],
      { stdio: 'inherit' },
    );
    // What the terminal sends reaches the child too, and it says what it has found.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('exit', (code, signal) => {
      if (signal !== null)
        process.stderr.write(`stress: the process without addons was ended by ${signal}.\n`);
      resolve(code ?? 1);
    });
  });
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const args = process.argv.slice(2);
  let options;
  try {
    options = readOptions(args, process.env['RSEQ_SLICE_GUEST'] !== undefined);
    if (options?.json !== undefined) requireWritable('--json', options.json);
  } catch (error) {
    refuseUsage('stress', error);
    return 2;
  }
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!options.noAddon || process.execArgv.includes('--no-addons')) return run(options);
  // The seed is chosen here and told twice otherwise.
  return runWithoutAddons(
    args.some((arg) => arg.startsWith('--seed')) ? args : [...args, '--seed', String(options.seed)],
  );
}

guardStreams('stress');
process.exitCode = await main();
