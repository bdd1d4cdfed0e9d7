// SPDX-License-Identifier: MIT
/**
 * examples/opentelemetry: it runs to a good end, and finds by itself when its metrics are wrong.
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examples, runBroken, runMain } from '../support/run-example.ts';

it('has what the workers did in the metrics that it collects', async () => {
  const { stdout, ...ending } = await runMain(join(examples, 'opentelemetry'));
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout).toContain('app.rounds: 300000\n');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('the metrics have what the workers did');
});

it('ends with 1 where they lack something', async () => {
  const { status, stdout } = await runBroken(
    'opentelemetry',
    'striped.mjs',
    'result.observe(counter.sum())',
    'result.observe(0)',
  );
  expect(status).toBe(1);
  expect(stdout).toContain('the metrics are wrong');
});
