// SPDX-License-Identifier: MIT
// Runs the programs of one lane one after the other, each in a process of its own, and writes how
// each ended. Booting a guest for every program would take most of the time.
import { spawn } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the test on the host wants to be run.
 * @typedef {object} Program
 * @property {string} name
 * @property {readonly string[]} command
 * @property {Readonly<Record<string, string>>} [env]
 * @property {number} seconds it may take
 *
 * How it ended.
 * @typedef {object} Result
 * @property {number | null} exitCode
 * @property {NodeJS.Signals | null} signal
 * @property {boolean} timedOut
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} seconds
 */

const job = process.env['RSEQ_SLICE_JOB'] ?? '';
/** @type {readonly Program[]} */
const programs = JSON.parse(readFileSync(join(job, 'programs.json'), 'utf8'));

/** @param {Program} program @returns {Promise<Result>} */
function run({ command, env, seconds }) {
  const [file = '', ...args] = command;
  const started = performance.now();
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of /** @type {const} */ (['stdout', 'stderr']))
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  return new Promise((resolve) => {
    /** @param {number | null} exitCode @param {NodeJS.Signals | null} signal */
    const finish = (exitCode, signal) => {
      clearTimeout(timer);
      resolve({
        exitCode,
        signal,
        timedOut,
        ...output,
        seconds: (performance.now() - started) / 1000,
      });
    };
    child.once('error', (error) => {
      output.stderr += String(error);
      finish(null, null);
    });
    child.once('close', finish);
  });
}

/** @type {Record<string, Result>} */
const results = {};
for (const program of programs) {
  const result = await run(program);
  results[program.name] = result;
  console.log(`${program.name} ${result.seconds.toFixed(1)} s`);
  // Renamed into place: a guest that dies leaves what there was so far.
  writeFileSync(join(job, 'results.json.new'), JSON.stringify(results));
  renameSync(join(job, 'results.json.new'), join(job, 'results.json'));
}
