// SPDX-License-Identifier: MIT
// Runs one row of the matrix: gets what its environment consists of, runs its program there, and
// judges what came out.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileObserver } from '../../../test/support/observer.mjs';
import { root as checkout } from '../../../scripts/native/target.mjs';
import { runInGuest } from '../lib/guest/run-in-guest.mjs';
import { judgeDoctor } from './doctor.mjs';
import {
  judgeCases,
  judgeEnding,
  judgeEnvironment,
  judgeMigration,
  judgePlace,
  readTold,
} from './judge.mjs';
import { judgeNeighbours } from './neighbours.mjs';
import { ensureNode, ensureRoot } from './places.mjs';
import { expectationOf } from './rows.mjs';
import {
  compileMuslTests,
  compileNeighbours,
  compileShimTests,
  prepareWrapper,
} from './wrappers.mjs';

/** @typedef {import('./rows.mjs').Row} Row */
/** @typedef {import('./report.mjs').RowResult} RowResult */
/** @typedef {Omit<RowResult, 'name' | 'seconds' | 'skipped'>} Outcome */

const PROGRAMS = 'test/kernel/guest';
/** What the programs need of the checkout, for a root that has not got it. */
const NEEDED = [
  'package.json',
  'dist',
  'build/Release/rseq_slice.node',
  PROGRAMS,
  'node_modules/cac',
];
const JOB_IN_GUEST = '/run/job';

/** ns; the longest there is, so that emulation's slowness matters least. */
const EXTENSION = 50_000;
/** us; how long a section is. */
const LENGTH = 20;
const WORKERS = 2;
/** s; how long the mistake may live. */
const MISTAKE_SECONDS = 60;
/** What another copy of the package consists of. */
const COPIED = NEEDED.filter((path) => path !== PROGRAMS);
/** How many of the shim's cases must have passed, of all and on the guest's own kernel. */
const LEAST_CASES = { all: 40, onKernel: 15 };
const DEADLINE = 500;
/** What Node says of `--jitless`. */
const JITLESS_WARNING = /^Warning: disabling flag --expose_wasm due to conflicting flags\n/;

/** @param {string} message */
const say = (message) => void process.stderr.write(`matrix: ${message}\n`);

/**
 * @param {Row} row
 * @param {readonly string[]} command
 * @param {Readonly<Record<string, string>>} env
 * @param {string} job
 * @returns {Promise<import('./judge.mjs').Ending>}
 */
async function execute(
  { kernel, root, append = '', cpus, icount = false, expect },
  command,
  env,
  job,
) {
  if (kernel === 'host') {
    const [file = '', ...args] = command;
    const { status, signal, stdout, stderr } = spawnSync(file, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env, RSEQ_SLICE_JOB: job },
    });
    return { exitCode: status, signal: signal === null ? null : -1, stdout, stderr };
  }
  return runInGuest({
    command,
    env,
    job,
    flavour: kernel,
    append,
    icount,
    timeout: DEADLINE,
    say: () => undefined,
    ...(cpus === undefined ? {} : { cpus }),
    ...(root === undefined ? {} : { root: await ensureRoot(root, say), cwd: JOB_IN_GUEST }),
    ...(expect.host === 'linux' ? { extension: EXTENSION } : {}),
  });
}

/**
 * Where the programs are, as the row's environment sees them, and the Node that runs them.
 * @param {Row} row
 * @param {string} job
 */
async function prepareNode({ root, node }, job) {
  if (root === undefined) {
    return {
      node: node === undefined ? process.execPath : await ensureNode(node, say),
      programs: join(checkout, PROGRAMS),
    };
  }
  for (const path of NEEDED)
    cpSync(join(checkout, path), join(job, 'checkout', path), { recursive: true });
  return { node: '/usr/bin/node', programs: `${JOB_IN_GUEST}/checkout/${PROGRAMS}` };
}

/**
 * @param {Row} row
 * @param {string} job
 * @param {{ seconds: number, update: boolean }} options
 * @returns {Promise<Outcome>}
 */
async function runEnvironment(row, job, { seconds, update }) {
  compileObserver(job);
  const { node, programs } = await prepareNode(row, job);
  const { prefix, env } = prepareWrapper(row, job);
  const options = [
    String(seconds),
    String(LENGTH),
    String(WORKERS),
    JSON.stringify(row.attach ?? {}),
  ];
  const ending = await execute(
    row,
    [...prefix, node, ...(row.flags ?? []), `${programs}/environment.mjs`, ...options],
    { ...row.env, ...env },
    job,
  );
  const ended = judgeEnding(ending, { exitCode: 0 });
  if (!ended.ok)
    return {
      host: '',
      abiVersion: '',
      registration: '',
      checks: [ended],
      sections: null,
      yielded: null,
    };
  /** @type {import('./judge.mjs').Found} */
  const found = JSON.parse(ending.stdout);
  const { host, abiVersion, registration, stats } = found;
  const checks = [
    ended,
    {
      name: 'it says nothing on stderr',
      ok: ending.stderr.replace(JITLESS_WARNING, '') === '',
      detail: ending.stderr.trim(),
    },
    ...judgeEnvironment(found, expectationOf(row)),
  ];
  // What this machine's own kernel is, nobody knows beforehand.
  if (row.kernel !== 'host')
    checks.push(
      ...judgeDoctor(row.name, found.doctor, { works: row.expect.host === 'linux', update }),
    );
  return {
    host,
    abiVersion,
    registration,
    checks,
    sections: stats.entered,
    yielded: stats.yielded,
  };
}

/** @param {Partial<import('./judge.mjs').Place>} found */
const placeOf = ({ host = '', abiVersion = '', registration = '' }) => ({
  host,
  abiVersion,
  registration,
});

/**
 * The object that a program reported as its first line.
 * @param {import('./judge.mjs').Ending} ending
 */
function reported({ stdout }) {
  try {
    return JSON.parse(stdout.split('\n', 1)[0] ?? '');
  } catch {
    return null;
  }
}

/** @param {Row} row @param {string} job @returns {Promise<Outcome>} */
async function runMistake(row, job) {
  compileObserver(job);
  const { node, programs } = await prepareNode(row, job);
  const ending = await execute(
    row,
    [node, `${programs}/read-modify-write.mjs`, String(MISTAKE_SECONDS)],
    {},
    job,
  );
  const place = reported(ending) ?? {};
  const checks = [
    judgeEnding(ending, { exitCode: 139, signal: 11 }),
    ...judgePlace(place, expectationOf(row)),
  ];
  return { ...placeOf(place), checks, sections: null, yielded: null };
}

/** @param {Row} row @param {string} job @param {number} seconds @returns {Promise<Outcome>} */
async function runMigration(row, job, seconds) {
  compileObserver(job);
  const { node, programs } = await prepareNode(row, job);
  const ending = await execute(row, [node, `${programs}/migration.mjs`, String(seconds)], {}, job);
  const ended = judgeEnding(ending, { exitCode: 0 });
  const found = ended.ok ? reported(ending) : null;
  const checks = [ended, ...(found === null ? [] : judgeMigration(found, expectationOf(row)))];
  return {
    ...placeOf(found?.place ?? {}),
    checks,
    sections: found?.stats.entered ?? null,
    yielded: found?.stats.yielded ?? null,
  };
}

/** @param {Row} row @param {string} job @returns {Promise<Outcome>} */
async function runNeighbours(row, job) {
  compileObserver(job);
  compileNeighbours(job);
  for (const path of COPIED)
    cpSync(join(checkout, path), join(job, 'copy', path), { recursive: true });
  const { node, programs } = await prepareNode(row, job);
  const ending = await execute(row, [node, `${programs}/neighbours.mjs`], row.env ?? {}, job);
  const ended = judgeEnding(ending, { exitCode: 0 });
  if (!ended.ok) return { ...placeOf({}), checks: [ended], sections: null, yielded: null };
  const found = reported(ending);
  const { checks, neighbours } = judgeNeighbours(found, expectationOf(row));
  return {
    ...placeOf(found.place),
    checks: [ended, ...checks],
    sections: null,
    yielded: null,
    neighbours,
  };
}

/** @param {Row} row @param {string} job @returns {Promise<Outcome>} */
async function runShimTests(row, job) {
  const program = row.program === 'shim' ? compileShimTests(job) : compileMuslTests(job, say);
  const ending = await execute(row, [program], {}, job);
  const place = readTold(ending.stdout);
  const checks = [
    judgeEnding(ending, { exitCode: 0 }),
    ...judgePlace(place, expectationOf(row)),
    ...judgeCases(ending.stdout, LEAST_CASES),
  ];
  return { ...placeOf(place), checks, sections: null, yielded: null };
}

/**
 * @param {Row} row
 * @param {{ seconds: number, update: boolean }} options update: what the doctor says now is right
 * from now on
 * @returns {Promise<RowResult>}
 */
export async function runRow(row, options) {
  const { seconds } = options;
  const job = mkdtempSync(join(tmpdir(), 'rseq-slice-matrix-'));
  const started = performance.now();
  /** @type {Outcome} */
  let outcome;
  try {
    if (row.program === 'read-modify-write') outcome = await runMistake(row, job);
    else if (row.program === 'migration') outcome = await runMigration(row, job, seconds);
    else if (row.program === 'neighbours') outcome = await runNeighbours(row, job);
    else if (row.program === 'shim' || row.program === 'shim-musl')
      outcome = await runShimTests(row, job);
    else outcome = await runEnvironment(row, job, options);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    outcome = {
      host: '',
      abiVersion: '',
      registration: '',
      checks: [{ name: 'the environment works', ok: false, detail }],
      sections: null,
      yielded: null,
    };
  } finally {
    rmSync(job, { recursive: true, force: true });
  }
  return {
    name: row.name,
    ...outcome,
    seconds: (performance.now() - started) / 1000,
    skipped: null,
  };
}
