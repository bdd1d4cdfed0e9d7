// SPDX-License-Identifier: MIT
/** examples/queue: it runs to a good end, and finds by itself when its queue is wrong. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examples, runBroken, runMain } from '../support/run-example.ts';

it('delivers every item once, refuses one, and outlives a worker that dies with the lock', async () => {
  const { stdout, ...ending } = await runMain(join(examples, 'queue'));
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'refused: The item has 1002 bytes, and there is room for 252.',
    '4000 items, each of them once',
    'after close(): The queue is closed.',
    '',
  ]);
});

it('ends with 1 where items are lost', async () => {
  // A full queue is not waited for, so items are overwritten.
  const { status, signal, stdout } = await runBroken(
    'queue',
    'queue.mjs',
    'while (!this.isClosed && this.length === this.handle.capacity)',
    'while (false)',
  );
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  expect(stdout).toContain('not each of them once');
});
