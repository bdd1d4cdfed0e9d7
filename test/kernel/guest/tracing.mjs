// SPDX-License-Identifier: MIT
// Traces a program twice at once, with `rseq-slice trace` and with trace-cmd, and has the kernel's
// own script make its histogram of the second. Prints what both say; the trace is left in the job's
// folder.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [script = '', ...program] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const commandLine = join(here, '../../../dist/cli/main.js');
// The guest's own memory: the job's folder is the host's, and slow.
const folder = '/tmp';
const out = join(folder, 'trace.json');

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} [env]
 */
function run(command, args, env = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status === 0) return { stdout, stderr };
  throw new Error(
    `${command}: ${error?.message ?? `exit code ${status}, signal ${signal}\n${stdout}${stderr}`}`,
  );
}

const events = ['hrtimer_start', 'hrtimer_cancel', 'hrtimer_expire_entry'].flatMap((name) => [
  '-e',
  `timer:${name}`,
]);
const trace = [
  process.execPath,
  commandLine,
  'trace',
  '--every',
  '1',
  '--json',
  '--out',
  out,
  '--',
  ...program,
];
const { stdout, stderr } = run('trace-cmd', [
  'record',
  '-q',
  '-C',
  'mono',
  '-b',
  '8192',
  '-o',
  'trace.dat',
  ...events,
  ...trace,
]);
const summary = stdout.split('\n').find((line) => line.startsWith('{"file"')) ?? 'null';
const histogram = run('python3', [script], {
  PYTHONPATH: here,
  PYTHONDONTWRITEBYTECODE: '1',
}).stdout;
copyFileSync(out, join(process.env['RSEQ_SLICE_JOB'] ?? '', 'trace.json'));
console.log(JSON.stringify({ summary: JSON.parse(summary), said: stderr, histogram }));
