// SPDX-License-Identifier: MIT
// Runs the programs of one lane one after the other, each in a process of its
// own, and writes how each ended. Booting a guest for every program would take
// most of the time.
import { spawn } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const job = process.env.RSEQ_SLICE_JOB;
const programs = JSON.parse(readFileSync(join(job, 'programs.json'), 'utf8'));

function run({ command, env, seconds }) {
  const [file, ...args] = command;
  const started = performance.now();
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  return new Promise((resolve) => {
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

const results = {};
for (const program of programs) {
  results[program.name] = await run(program);
  console.log(`${program.name} ${results[program.name].seconds.toFixed(1)} s`);
  // Renamed into place: a guest that dies leaves what there was so far.
  writeFileSync(join(job, 'results.json.new'), JSON.stringify(results));
  renameSync(join(job, 'results.json.new'), join(job, 'results.json'));
}
