// SPDX-License-Identifier: MIT
/** The clock of the benchmark: whether sections may read it. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeClock, now } from '../../../../packages/tools/lib/bench/locks/clock.ts';

it('does not read a clock in a section of which it knows nothing', () => {
  expect(describeClock(join(tmpdir(), 'there is no such file'))).toEqual({
    source: null,
    inSection: false,
  });
});

it('counts nanoseconds', async () => {
  const before = now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(now() - before).toBeGreaterThan(10e6);
});
