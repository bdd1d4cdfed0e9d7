// SPDX-License-Identifier: MIT
/**
 * Counters of the whole process: of threads that run, were detached, ended by themselves or by
 * force.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { ProcessStats } from '../../lib/index.ts';

const library = new URL('../../dist/index.js', import.meta.url).href;
const program = fileURLToPath(new URL('programs/process-stats.mjs', import.meta.url));

function run(what: string): ProcessStats[] {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, what], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as ProcessStats[];
}

it.each(['detached', 'left-open', 'terminated'])('adds up workers that were %s', (how) => {
  const [before, after] = run(how);
  expect(before).toMatchObject({ threads: 1, uncounted: 0, entered: 10, undisturbed: 10 });
  // Nothing disturbed them: whoever ends by force takes along what it has not published.
  const made = 10 + (how === 'terminated' ? 0 : 3 * 200_000);
  expect(after).toMatchObject({ threads: 4, uncounted: 0, entered: made, undisturbed: made });
});

it('adds up outcomes when they happen', () => {
  const [, after] = run('disturbed');
  expect(after).toMatchObject({
    threads: 2,
    preempted: 1,
    entered: 10 + 101,
    undisturbed: 10 + 100,
  });
});

it('counts attaching again as a thread of its own, and for ever', () => {
  expect(run('again')[0]).toMatchObject({
    threads: 40_000,
    uncounted: 0,
    entered: 40_000,
    undisturbed: 40_000,
  });
});

it('does not count a thread that could not be attached', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-stats-'));
  try {
    writeFileSync(join(folder, 'settings.json'), JSON.stringify({ every: 1, events: 1e15 }));
    const source = `
      import { attach, processStats } from ${JSON.stringify(library)};
      const codes = [1, 2].map(() => { try { attach({ host: 'simulated' }) } catch ({ code }) { return code } });
      console.log(JSON.stringify([codes, processStats()]));`;
    const env = { ...process.env, RSEQ_SLICE_TRACE: folder };
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
      env,
    });
    const [codes, stats] = JSON.parse(stdout) as [string[], ProcessStats];
    expect(codes).toEqual(['ERR_RSEQ_SYSTEM', 'ERR_RSEQ_SYSTEM']);
    expect(stats).toMatchObject({ threads: 0, uncounted: 0, entered: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('has room again when workers have ended without detaching', (context) => {
  if (process.platform !== 'linux') context.skip('only Linux tells which threads there are');
  const [full, after] = run('full');
  expect(full).toMatchObject({ threads: 2, uncounted: 1, entered: 101, preempted: 1 });
  expect(after).toMatchObject({ threads: 4, uncounted: 1, entered: 101 + 2, preempted: 1 });
});

it('is right at any moment, whoever attaches and detaches meanwhile', () => {
  const [watched, after] = run('watched') as unknown as [
    Record<'looks' | 'back' | 'uneven', number>,
    ProcessStats,
  ];
  expect(watched).toMatchObject({ back: 0, uneven: 0 });
  expect(watched.looks).toBeGreaterThan(1000);
  const [undisturbed, preempted] = [3 * 1000 * 190, 3 * 1000 * 20];
  const entered = undisturbed + preempted;
  expect(after).toMatchObject({ threads: 3000, uncounted: 0, entered, undisturbed, preempted });
});

it('counts the workers of a worker that inherited nothing', () => {
  const grandchild = `
    import(${JSON.stringify(library)}).then(({ attach }) => {
      attach({ host: 'simulated' }).critical(() => 1);
    });`;
  const child = `
    const { Worker } = require('node:worker_threads');
    import(${JSON.stringify(library)}).then(({ attach, processStats }) => {
      attach({ host: 'simulated' }).critical(() => 1);
      new Worker(${JSON.stringify(grandchild)}, { eval: true }).once('exit', () => {
        process.stdout.write(JSON.stringify(processStats()));
      });
    });`;
  const source = `new (require('node:worker_threads').Worker)(${JSON.stringify(child)}, { eval: true })`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', source], {
    encoding: 'utf8',
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ threads: 2, entered: 2, undisturbed: 2 });
});
