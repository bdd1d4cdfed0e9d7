// SPDX-License-Identifier: MIT
/** examples/queue: it runs to a good end, and finds by itself when its queue is wrong. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examples, runBroken, runMain } from '../support/run-example.ts';

it('delivers every item once, refuses one, and keeps what a worker put that ended', async () => {
  const { stdout, ...ending } = await runMain(join(examples, 'queue'));
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'refused: push() does not accept record: a Uint8Array of 1002 bytes. It accepts a Uint8Array of at most 256 bytes.',
    '4001 items, each of them once',
    'after close(): The Queue is closed: nothing can be pushed.',
    '',
  ]);
});

it('ends with 1 where items are lost', async () => {
  // A consumer throws an item away.
  const { status, signal, stdout } = await runBroken(
    'queue',
    'queue.mjs',
    'const record = this.#records.pop();',
    'this.#records.tryPop(); const record = this.#records.pop();',
  );
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  expect(stdout).toContain('not each of them once');
});
