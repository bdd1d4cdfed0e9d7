// SPDX-License-Identifier: MIT
/** examples/prometheus: it runs to a good end, and finds by itself when its page is wrong. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examples, runBroken, runMain } from '../support/run-example.ts';

it('has what the workers did in the page that it serves', async () => {
  const { stdout, ...ending } = await runMain(join(examples, 'prometheus'));
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout).toContain('\n# TYPE rseq_slice_sections_total counter\n');
  expect(stdout).toMatch(/^rseq_slice_threads_total 3$/m);
  expect(stdout).toMatch(/^rseq_slice_sections_total\{outcome="preempted"\} \d+$/m);
  expect(stdout).toMatch(/^rseq_slice_lock_events_total\{lock="accounts",event="parked"\} \d+$/m);
  expect(stdout).toMatch(/^app_rounds_total 900000$/m);
  expect(stdout).toMatch(/^app_round_seconds_bucket\{le="\+Inf"\} 900$/m);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('the page has what the workers did');
});

it('ends with 1 where a striped counter is not drained', async () => {
  const { status, stdout } = await runBroken(
    'prometheus',
    'striped.mjs',
    'this.inc(counter.drain())',
    'this.inc(0)',
  );
  expect(status).toBe(1);
  expect(stdout).toContain('the page is wrong');
});

it('ends with 1 where the page lacks something', async () => {
  const { status, signal, stdout } = await runBroken(
    'prometheus',
    'metrics.mjs',
    'Object.entries(locks)',
    'Object.entries({})',
  );
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  expect(stdout).toContain('the page is wrong');
});
