// SPDX-License-Identifier: MIT
// Whether what was found in an environment is what the row of the matrix says: each thing looked at
// is a check with a name, those the program in the guest made and those that compare with the row.

/**
 * @typedef {object} Expectation
 * @property {'linux' | 'simulated'} host
 * @property {string} [registration]
 * @property {string} [abiVersion]
 * @property {string} [reason] as probe() gives it
 * @property {string} [libc] how its name begins
 * @property {string} [node] how its version begins
 * @property {number} [cpus] see expectationOf in rows.mjs
 * @property {string} [preemption] the kernel's way of it
 * @property {boolean} [isDebugging] whether rseq_debug is on
 * @property {number} [yielded] at least so many; default: some on Linux, none on the simulated
 * kernel
 */

/**
 * What a thread got, and where, as describePlace in test/kernel/guest/support.mjs has it.
 * @typedef {object} Place
 * @property {string} host
 * @property {string} registration
 * @property {string} abiVersion
 * @property {string} reason
 * @property {string} libc
 * @property {string} node
 * @property {number} cpus
 * @property {string} preemption
 * @property {boolean} isDebugging
 */

/**
 * What test/kernel/guest/environment.mjs reports.
 * @typedef {Place & {
 *   checks: Record<string, boolean>,
 *   stats: { entered: number, yielded: number, raced: number, preempted: number },
 *   doctor: { status: number | null, stdout: string },
 * }} Found doctor: what `rseq-slice doctor` said
 */

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {boolean} ok
 * @property {string} [detail] what was found instead
 */

/**
 * How a program ended.
 * @typedef {object} Ending
 * @property {number | null} exitCode
 * @property {number | null} signal
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @param {Ending} ending
 * @param {{ exitCode: number, signal?: number }} expected
 * @returns {Check}
 */
export function judgeEnding({ exitCode, signal, stderr }, { exitCode: wanted, signal: deadly }) {
  const ok = exitCode === wanted && (signal ?? undefined) === deadly;
  return {
    name: deadly === undefined ? 'it ends by itself' : `signal ${deadly} kills it`,
    ok,
    detail: `exit code ${exitCode}, signal ${signal ?? 'none'}${stderr === '' ? '' : `: ${stderr.trim()}`}`,
  };
}

/** What a row can name, and what it is called; of some only the beginning is named. */
const NAMED = /** @type {const} */ ([
  ['host', 'host', false],
  ['registration', 'registration', false],
  ['abiVersion', 'ABI version', false],
  ['reason', 'reason', false],
  ['libc', 'libc', true],
  ['node', 'Node', true],
  ['cpus', 'number of CPUs', false],
  ['preemption', 'preemption', false],
  ['isDebugging', 'rseq_debug', false],
]);

/**
 * @param {Partial<Place>} found what a program does not tell is not as it should be, where the row
 * names it
 * @param {Expectation} expected
 * @returns {Check[]}
 */
export function judgePlace(found, expected) {
  return NAMED.flatMap(([property, name, begins]) => {
    const wanted = expected[property];
    if (wanted === undefined) return [];
    const [is, should] = [String(found[property] ?? 'not told'), String(wanted)];
    return [
      {
        name: `${name} is ${should}`,
        ok: begins ? is.startsWith(should) : is === should,
        detail: is,
      },
    ];
  });
}

/** @param {Found} found @param {Expectation} expected @returns {Check[]} */
export function judgeEnvironment(found, expected) {
  const { yielded } = found.stats;
  const least = expected.yielded ?? (expected.host === 'linux' ? 1 : 0);
  return [
    ...judgePlace(found, expected),
    {
      name: least === 0 ? 'nothing is yielded' : `at least ${least} yielded`,
      ok: least === 0 ? yielded === 0 : yielded >= least,
      detail: `${yielded} yielded`,
    },
    ...Object.entries(found.checks).map(([name, ok]) => ({ name, ok })),
  ];
}

/**
 * What test/kernel/guest/migration.mjs reports.
 * @param {{ place: Place, done: number, moved: number, wrong: number, failed: number,
 *   wasOn: number[], atEnd: string, stats: Found['stats'] & { undisturbed: number,
 *   nested: number } }}
 * found
 * @param {Expectation} expected
 * @returns {Check[]}
 */
export function judgeMigration(
  { place, done, moved, wrong, failed, wasOn, atEnd, stats },
  expected,
) {
  const { entered, undisturbed, yielded, raced, preempted, nested } = stats;
  return [
    ...judgePlace(place, expected),
    { name: 'the worker could be moved', ok: failed === 0, detail: `${failed} refusals` },
    { name: 'it was, inside sections', ok: moved > 0, detail: `${moved} of ${done} sections` },
    {
      name: 'it was on every CPU',
      ok: wasOn.length === place.cpus,
      detail: `${wasOn.join()} of ${place.cpus}`,
    },
    { name: 'the area always had the CPU', ok: wrong === 0, detail: `${wrong} times wrong` },
    {
      name: 'no section is lost',
      ok: entered === done && entered === undisturbed + yielded + raced + preempted + nested,
      detail: `${entered} of ${done}`,
    },
    { name: 'the thread is given back as it was found', ok: atEnd === 'libc', detail: atEnd },
  ];
}

/**
 * What test/kernel/guest/tell.c printed of the place it is in.
 * @param {string} stdout
 * @returns {Partial<Place>}
 */
export function readTold(stdout) {
  const { libc, cpus, debug, registration, abiVersion } =
    /^# libc (?<libc>\w+(?: \S+)?), CPUs (?<cpus>\d+), debug (?<debug>[01]), registration (?<registration>\w+), ABI version (?<abiVersion>\S+)$/m.exec(
      stdout,
    )?.groups ?? {};
  if (libc === undefined || registration === undefined || abiVersion === undefined) return {};
  return {
    host: 'linux',
    registration,
    abiVersion,
    reason: 'available',
    libc,
    cpus: Number(cpus),
    isDebugging: debug === '1',
  };
}

/**
 * The cases that the shim's test program printed.
 * @param {string} stdout
 * @param {{ all: number, onKernel: number }} least how many must have passed, of all and of those
 * on the kernel that runs, so that a run that skips everything, or has only made-up answers, proves
 * nothing
 * @returns {Check[]}
 */
export function judgeCases(stdout, least) {
  const lines = [...stdout.matchAll(/^(ok|not ok|SKIP) ([^:\n]+)(?:: (.*))?$/gm)];
  const announced = Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1]);
  const cases = lines
    .filter(([, result]) => result !== 'SKIP')
    .map(([, result, name = '', detail = '']) => ({ name, ok: result === 'ok', detail }));
  const passed = cases.filter(({ ok }) => ok);
  const onKernel = passed.filter(({ name }) => name.endsWith('(this kernel)'));
  return [
    {
      name: 'all cases were run',
      ok: lines.length === announced,
      detail: `${lines.length} of ${announced}`,
    },
    {
      name: `at least ${least.all} passed`,
      ok: passed.length >= least.all,
      detail: `${passed.length} passed`,
    },
    {
      name: `at least ${least.onKernel} on this kernel`,
      ok: onKernel.length >= least.onKernel,
      detail: `${onKernel.length} passed`,
    },
    ...cases,
  ];
}
