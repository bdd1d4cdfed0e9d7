// Whether what was found in an environment is what the row of the matrix says: each thing looked at is a check with a
// name, those the program in the guest made and those that compare with the row.

/**
 * @typedef {object} Expectation
 * @property {'linux' | 'simulated'} backend
 * @property {string} [registration]
 * @property {string} [flavour]
 * @property {string} [reason] as probe() gives it
 * @property {string} [libc] how its name begins
 * @property {string} [node] how its version begins
 * @property {string} [preemption] the kernel's way of it
 * @property {number} [yielded] at least so many; default: some on Linux, none on the simulated kernel
 */

/**
 * What test/kernel/guest/environment.mjs reports.
 * @typedef {object} Found
 * @property {string} backend
 * @property {string} registration
 * @property {string} flavour
 * @property {string} reason
 * @property {string} libc
 * @property {string} node
 * @property {string} preemption
 * @property {Record<string, boolean>} checks
 * @property {{ entered: number, yielded: number, raced: number, revoked: number }} stats
 * @property {{ status: number | null, stdout: string }} doctor what `rseq-slice doctor` said
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

/** @param {Ending} ending @param {{ exitCode: number, signal?: number }} expected @returns {Check} */
export function judgeEnding({ exitCode, signal, stderr }, { exitCode: wanted, signal: deadly }) {
  const ok = exitCode === wanted && (signal ?? undefined) === deadly;
  return { name: deadly === undefined ? 'it ends by itself' : `signal ${deadly} kills it`, ok, detail: `exit code ${exitCode}, signal ${signal ?? 'none'}${stderr === '' ? '' : `: ${stderr.trim()}`}` };
}

/**
 * @param {string} name
 * @param {string} found
 * @param {string | undefined} wanted undefined: anything will do
 * @param {(found: string, wanted: string) => boolean} [equal]
 * @returns {Check[]}
 */
function compare(name, found, wanted, equal = (a, b) => a === b) {
  return wanted === undefined ? [] : [{ name: `${name} is ${wanted}`, ok: equal(found, wanted), detail: found }];
}

/** @param {Found} found @param {Expectation} expected @returns {Check[]} */
export function judgeEnvironment(found, expected) {
  const begins = (/** @type {string} */ text, /** @type {string} */ start) => text.startsWith(start);
  const { yielded } = found.stats;
  const least = expected.yielded ?? (expected.backend === 'linux' ? 1 : 0);
  return [
    ...compare('backend', found.backend, expected.backend),
    ...compare('registration', found.registration, expected.registration),
    ...compare('flavour', found.flavour, expected.flavour),
    ...compare('reason', found.reason, expected.reason),
    ...compare('libc', found.libc, expected.libc, begins),
    ...compare('Node', found.node, expected.node, begins),
    ...compare('preemption', found.preemption, expected.preemption),
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
 * @param {{ done: number, moved: number, wrong: number, failed: number, cpus: number[], atEnd: string, stats: Found['stats'] & { undisturbed: number, nested: number } }} found
 * @returns {Check[]}
 */
export function judgeMigration({ done, moved, wrong, failed, cpus, atEnd, stats }) {
  const { entered, undisturbed, yielded, raced, revoked, nested } = stats;
  return [
    { name: 'the worker could be moved', ok: failed === 0, detail: `${failed} refusals` },
    { name: 'it was, inside sections', ok: moved > 0, detail: `${moved} of ${done} sections` },
    { name: 'it was on both CPUs', ok: cpus.join() === '0,1', detail: cpus.join() },
    { name: 'the area always had the CPU', ok: wrong === 0, detail: `${wrong} times wrong` },
    { name: 'no section is lost', ok: entered === done && entered === undisturbed + yielded + raced + revoked + nested, detail: `${entered} of ${done}` },
    { name: 'the thread is given back as it was found', ok: atEnd === 'libc', detail: atEnd },
  ];
}

/**
 * The cases that the shim's test program printed.
 * @param {string} stdout
 * @param {number} least how many must have passed, so that a run that skips everything proves nothing
 * @returns {Check[]}
 */
export function judgeCases(stdout, least) {
  const lines = [...stdout.matchAll(/^(ok|not ok|SKIP) ([^:\n]+)(?:: (.*))?$/gm)];
  const announced = Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1]);
  const cases = lines.filter(([, result]) => result !== 'SKIP').map(([, result, name = '', detail = '']) => ({ name, ok: result === 'ok', detail }));
  const passed = cases.filter(({ ok }) => ok).length;
  return [
    { name: 'all cases were run', ok: lines.length === announced, detail: `${lines.length} of ${announced}` },
    { name: `at least ${least} passed`, ok: passed >= least, detail: `${passed} passed` },
    ...cases,
  ];
}
