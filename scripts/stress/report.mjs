// SPDX-License-Identifier: MIT
// What a stress run says in the end: a line for each lock, how workers were ended, and what was
// wrong with the events that led to it.

/** @typedef {import('./history.mjs').Failure} Failure */

/**
 * @typedef {object} Result
 * @property {ReturnType<import('./history.mjs').History['summary']>} locks
 * @property {ReturnType<import('./history.mjs').History['gatherings']>} gatherings
 * @property {Record<string, number>} kills
 * @property {number} started workers, one after the other
 * @property {{ original: number, copy: number, withoutAddon: number }} kinds how many of them used
 * which copy of the package, and had no addon
 * @property {boolean} countsCpu whether the kernel tells for how long a thread had no CPU
 * @property {number} events
 * @property {number} behind ms in which some were known of that could not be seen yet
 * @property {number} seconds
 * @property {readonly Failure[]} failures
 */

const MOST_FAILURES = 2;

/** @param {Result} result */
export function formatSummary({
  locks,
  gatherings,
  kills,
  started,
  kinds,
  countsCpu,
  events,
  behind,
  seconds,
  failures,
}) {
  const lines = locks.map((lock) => {
    const bound = lock.longestAllowed === null ? 'no bound' : `bound ${lock.longestAllowed} ms`;
    const condition =
      lock.conditionWaits === 0
        ? ''
        : `, ${lock.conditionWaits} condition waits, ${lock.notified} notified, ${lock.unlocked} unlocked`;
    const { noCpu, deaths, reserved } = lock.excused;
    return (
      `${lock.lock}: ${lock.acquired} acquired, ${lock.abandoned} abandoned, ` +
      `${lock.refused} refused (${lock.certainTries} tries on a free one), ${lock.timedOut} timed out, ${lock.aborted} aborted${condition}; ` +
      `longest wait ${lock.maxWait} ms, and ${lock.maxCalmWait} ms in ${lock.calmWaits} that nothing disturbed (${bound}); ` +
      `stood still at most ${lock.longestStandstill} ms, ${lock.lateEnds} times over 20, ` +
      `excused ${noCpu} ms without CPU, ${deaths} ms of deaths, ${reserved} ms reserved`
    );
  });
  lines.push(...gatherings.map(formatGathering));
  const ended = Object.entries(kills).map(([ending, count]) => `${count} ${ending}`);
  lines.push(
    `ended: ${ended.length === 0 ? 'none' : ended.join(', ')}; ${started} workers, ${events} events in ${seconds.toFixed(1)} s, held back for ${behind} ms`,
  );
  lines.push(
    `workers: ${kinds.original} with the package, ${kinds.copy} with a copy of it, ${kinds.withoutAddon} without addon`,
  );
  if (!countsCpu)
    lines.push(
      'This kernel does not tell how long a thread had no CPU: a busy machine may look like a standstill.',
    );
  lines.push(failures.length === 0 ? 'All was right.' : `${failures.length} things were wrong.`);
  return `${lines.join('\n')}\n`;
}

/** @param {Result['gatherings'][number]} gathering */
function formatGathering(gathering) {
  const { lock, refused, timedOut, aborted, longestStandstill, lateEnds, maxWait } = gathering;
  const end =
    `longest wait ${maxWait} ms; stood still at most ${longestStandstill} ms, ` +
    `${lateEnds} times over 20`;
  if (!('queues' in gathering)) {
    const { passed, generations, broken, aborts, resets, watched, withDead, noCpu } = gathering;
    return (
      `${lock}: ${passed} passed, ${generations} generations whole, ${broken} found it broken, ` +
      `${refused} refused, ${timedOut} timed out, ${aborted} aborted, ${aborts} broke it, ${resets} resets; ` +
      `${watched} waits that were known to be over, ${withDead} with one that had died; ${end}, excused ${noCpu} ms without CPU`
    );
  }
  const { pushed, popped, closed, queues, takenByDead, certainTries, excused } = gathering;
  return (
    `${lock}: ${pushed} pushed, ${popped} popped, ${takenByDead} taken by the dead, ` +
    `${refused} refused (${certainTries} tries with nobody in the way), ${timedOut} timed out, ${aborted} aborted, ` +
    `${closed} found one of ${queues} queues closed; ${end}, ` +
    `excused ${excused.noCpu} ms without CPU, ${excused.deaths} ms of deaths, ${excused.reserved} ms reserved`
  );
}

/** @param {readonly Failure[]} failures @param {string} command */
export function formatFailures(failures, command) {
  const texts = failures.slice(0, MOST_FAILURES).map(({ kind, subject, text, trace }) => {
    const before =
      trace.length === 0
        ? ''
        : `\n  the last events:\n${trace.map((line) => `    ${line}`).join('\n')}`;
    return `${subject}: ${kind}: ${text}${before}\n`;
  });
  return `${texts.join('')}To try again: ${command}\n`;
}
