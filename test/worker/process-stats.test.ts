/** Counters of the whole process: of threads that run, were detached, ended by themselves or by force. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { ProcessStats } from '../../lib/index.ts';

const program = fileURLToPath(new URL('programs/process-stats.mjs', import.meta.url));

function run(what: string): ProcessStats[] {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, what], { encoding: 'utf8', timeout: 30_000 });
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
  expect(after).toMatchObject({ threads: 2, revoked: 1, entered: 10 + 101, undisturbed: 10 + 100 });
});

it('counts attaching again as a thread of its own', () => {
  expect(run('again')[0]).toMatchObject({ threads: 3, entered: 3 });
});
