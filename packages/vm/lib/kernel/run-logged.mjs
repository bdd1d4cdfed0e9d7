// SPDX-License-Identifier: MIT
// Runs a long command with its whole output in a log file. What there is to tell meanwhile goes
// through progress.mjs.

import { spawn } from 'node:child_process';
import { appendFileSync, createWriteStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';

/**
 * @param {string} line
 * @returns {boolean} whether a line of make's output stands for an object built
 */
export function isObjectLine(line) {
  return /^\s+(CC|AS|HOSTCC|AR|LD)\s/.test(line);
}

/**
 * The end of a text, for a failure's message.
 * @param {string} text
 * @param {number} lines
 * @returns {string}
 */
export function lastLines(text, lines) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Runs a command to its end; throws with the last 30 lines and the log's path when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ log: string, cwd?: string, env?: NodeJS.ProcessEnv,
 *   progress?: import('./progress.mjs').Progress }}
 * options
 * @returns {Promise<void>}
 */
export async function runLogged(command, args, { log, cwd, env, progress }) {
  const shown = [command, ...args].join(' ');
  appendFileSync(log, `\n$ ${shown}\n`);
  const file = createWriteStream(log, { flags: 'a' });
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: env ?? process.env,
    ...(cwd === undefined ? {} : { cwd }),
  });
  let partial = '';
  child.stdout.on('data', (/** @type {Buffer} */ chunk) => {
    const lines = (partial + chunk.toString('latin1')).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (isObjectLine(line)) progress?.count();
  });
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  // A build that outlives its user would go on filling the cache's temporary folder.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  /** @type {string} */
  const outcome = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`does not start: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '' : `failed with ${signal ?? `exit code ${code}`}`),
    );
  });
  process.removeListener('exit', kill);
  file.end();
  await finished(file);
  if (outcome === '') return;
  progress?.stop();
  const tail = lastLines(readFileSync(log, 'utf8'), 30);
  throw new Error(`'${shown}' ${outcome}. The whole log is ${log}, its last lines are:\n\n${tail}`);
}
