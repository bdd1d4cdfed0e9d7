// SPDX-License-Identifier: MIT
// One line about what goes on, for whoever waits. On a terminal the line is rewritten in place;
// elsewhere (CI) a line comes every 20 seconds, so that nobody takes a build or a boot for hung.

const QUIET_INTERVAL_MS = 20_000;
const TERMINAL_INTERVAL_MS = 500;
/** Before this share is done, the time that is left would be a guess. */
const ENOUGH = 0.05;

/**
 * @typedef {object} Progress
 * @property {(text: string, expected?: number) => void} step names what goes on now, and of how
 * many objects it consists
 * @property {() => void} count one more object is built
 * @property {() => void} stop may be called again
 */

/**
 * What of a stream this needs.
 * @typedef {{ isTTY?: boolean, columns?: number, write: (text: string) => unknown }} Screen
 */

/** @param {number} seconds */
export const duration = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

/**
 * @param {object} state
 * @param {string} state.what
 * @param {number} state.seconds since the beginning of all
 * @param {number} state.built objects of this step
 * @param {number} state.expected of this step; 0: not known
 * @param {number} state.stepSeconds since this step began
 * @returns {string}
 */
export function describeProgress({ what, seconds, built, expected, stepSeconds }) {
  const share = expected === 0 ? 0 : built / expected;
  // An estimate: another compiler or source makes some more or fewer.
  const left =
    share < ENOUGH || share >= 1
      ? ''
      : `, about ${duration((stepSeconds * (1 - share)) / share)} left`;
  const objects =
    built === 0
      ? ''
      : `, ${built}${share === 0 || share > 1 ? '' : ` of about ${expected}`} objects`;
  return `${what} (${Math.round(seconds)} s${objects}${left})`;
}

/**
 * @param {string} who begins each line
 * @param {Screen} [stream]
 * @returns {Progress}
 */
export function startProgress(who, stream = process.stderr) {
  const started = performance.now();
  const since = (/** @type {number} */ moment) => (performance.now() - moment) / 1000;
  const step = { what: '', built: 0, expected: 0, started };
  const line = () =>
    `${who}: ${describeProgress({ ...step, seconds: since(started), stepSeconds: since(step.started) })}`;
  const isRewritten = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  // A terminal that was not told its size says 0.
  const draw = () =>
    stream.write(
      isRewritten ? `\r\x1b[K${line().slice(0, (stream.columns || 80) - 1)}` : `${line()}\n`,
    );
  const timer = setInterval(draw, isRewritten ? TERMINAL_INTERVAL_MS : QUIET_INTERVAL_MS);
  timer.unref();
  let isOn = true;
  return {
    step(what, expected = 0) {
      // A guest's phase may be told after its command has begun to print.
      if (!isOn) return;
      Object.assign(step, { what, built: 0, expected, started: performance.now() });
      draw();
    },
    count() {
      step.built += 1;
    },
    stop() {
      clearInterval(timer);
      if (isOn && isRewritten) stream.write('\r\x1b[K');
      isOn = false;
    },
  };
}
