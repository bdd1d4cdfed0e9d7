// Runs one row of the matrix: gets what its environment consists of, runs its program there, and judges what came out.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileObserver } from '../../test/support/observer.mjs';
import { runInGuest } from '../vm/run-in-guest.mjs';
import { judgeEnding, judgeEnvironment } from './judge.mjs';

/** @typedef {import('./rows.mjs').Row} Row */
/** @typedef {import('./report.mjs').RowResult} RowResult */

const guest = fileURLToPath(new URL('../../test/kernel/guest/', import.meta.url));

/** ns; the longest there is, so that emulation's slowness matters least. */
const EXTENSION = 50_000;
/** us; how long a section is. */
const LENGTH = 20;
const WORKERS = 2;
const DEADLINE = 240;

/**
 * @param {Row} row
 * @param {readonly string[]} command
 * @param {string} job
 * @returns {Promise<import('./judge.mjs').Ending>}
 */
async function execute(row, command, job) {
  const { kernel, append = '', cpus = 2, icount = false, env = {}, expect } = row;
  if (kernel === 'host') {
    const [file = '', ...args] = command;
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env: { ...process.env, ...env, RSEQ_SLICE_JOB: job } });
    return { exitCode: status, signal: null, stdout, stderr };
  }
  return runInGuest({
    command,
    job,
    flavour: kernel,
    append,
    cpus,
    icount,
    env,
    timeout: DEADLINE,
    ...(expect.backend === 'linux' ? { extension: EXTENSION } : {}),
    say: () => undefined,
  });
}

/**
 * @param {Row} row
 * @param {{ seconds: number }} options
 * @returns {Promise<RowResult>}
 */
export async function runRow(row, { seconds }) {
  const job = mkdtempSync(join(tmpdir(), 'rseq-slice-matrix-'));
  const started = performance.now();
  const result = { name: row.name, backend: '', flavour: '', registration: '', sections: null, yielded: null, skipped: null };
  const elapsed = () => (performance.now() - started) / 1000;
  try {
    compileObserver(job);
    if (row.program === 'read-modify-write') {
      const ending = await execute(row, [process.execPath, `${guest}read-modify-write.mjs`, '20'], job);
      const { backend, flavour = '', registration = '' } = row.expect;
      return { ...result, backend, flavour, registration, checks: [judgeEnding(ending, { exitCode: 139, signal: 11 })], seconds: elapsed() };
    }
    const command = [process.execPath, `${guest}environment.mjs`, String(seconds), String(LENGTH), String(WORKERS), JSON.stringify(row.attach ?? {})];
    const ending = await execute(row, command, job);
    const ended = judgeEnding(ending, { exitCode: 0 });
    if (!ended.ok) return { ...result, checks: [ended], seconds: elapsed() };
    /** @type {import('./judge.mjs').Found} */
    const found = JSON.parse(ending.stdout);
    const { backend, flavour, registration, stats } = found;
    const checks = [ended, ...judgeEnvironment(found, row.expect)];
    return { ...result, backend, flavour, registration, checks, sections: stats.entered, yielded: stats.yielded, seconds: elapsed() };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { ...result, checks: [{ name: 'the environment works', ok: false, detail }], seconds: elapsed() };
  } finally {
    rmSync(job, { recursive: true, force: true });
  }
}
