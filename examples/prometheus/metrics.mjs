// SPDX-License-Identifier: MIT
// The counters of a process in Prometheus' text format, version 0.0.4: those of sections, which
// `processStats()` has for all threads, and those of locks, which each thread hands in for itself.
import { processStats } from 'rseq-slice';

/** The counts of a lock, in the order of a row. */
const EVENTS = /** @type {const} */ (['contended', 'parked', 'called', 'abandoned', 'gaveUp']);

/** What a lock saw in several threads: a row for each, in memory that all of them have. */
export class LockCounters {
  /** Plain data, for `workerData`. */
  buffer;
  #rows;

  /** @param {SharedArrayBuffer} buffer of {@link LockCounters.create} */
  constructor(buffer) {
    this.buffer = buffer;
    this.#rows = new Float64Array(buffer);
  }

  /** @param {number} threads how many rows there are */
  static create(threads) {
    const bytes = threads * EVENTS.length * Float64Array.BYTES_PER_ELEMENT;
    return new LockCounters(new SharedArrayBuffer(bytes));
  }

  /**
   * Hands in what a lock object has counted in this thread so far.
   * @param {number} row of this thread alone
   * @param {import('rseq-slice').LockStats} stats
   */
  record(row, stats) {
    EVENTS.forEach((event, at) => {
      this.#rows[row * EVENTS.length + at] = stats[event];
    });
  }

  /** @returns {[string, number][]} each event, and how often it happened in all threads */
  sums() {
    return EVENTS.map((event, at) => [
      event,
      this.#rows.filter((_, index) => index % EVENTS.length === at).reduce((sum, n) => sum + n, 0),
    ]);
  }
}

/** @param {string} name @param {string} help @param {readonly string[]} samples */
const family = (name, help, samples) => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} counter`,
  ...samples,
];

/**
 * @param {Readonly<Record<string, LockCounters>>} locks by the names that the page gives them
 * @returns {string} the page
 */
export function formatMetrics(locks) {
  const { threads, uncounted, entered, ...outcomes } = processStats();
  const sections = 'rseq_slice_sections_total';
  const lockEvents = 'rseq_slice_lock_events_total';
  const lines = [
    ...family('rseq_slice_threads_total', 'Threads that were attached.', [
      `rseq_slice_threads_total ${threads}`,
    ]),
    ...family('rseq_slice_threads_uncounted_total', 'Threads whose sections are not counted.', [
      `rseq_slice_threads_uncounted_total ${uncounted}`,
    ]),
    ...family('rseq_slice_sections_entered_total', 'Sections that were entered.', [
      `rseq_slice_sections_entered_total ${entered}`,
    ]),
    ...family(
      sections,
      'Sections by how they ended.',
      Object.entries(outcomes).map(([name, count]) => `${sections}{outcome="${name}"} ${count}`),
    ),
    ...family(
      lockEvents,
      'What waiting for locks led to.',
      Object.entries(locks).flatMap(([lock, counters]) =>
        counters
          .sums()
          .map(([event, count]) => `${lockEvents}{lock="${lock}",event="${event}"} ${count}`),
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
