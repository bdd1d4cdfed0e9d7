// SPDX-License-Identifier: MIT
/**
 * docs/migration.md: both blocks of each pair add right, with four workers at
 * once; in `npm test`, one in three blocks. The generic test compiles them.
 */
import { afterAll, expect, it } from 'vitest';
import { blocksOf, ExampleFolder } from '../support/examples.ts';
import { share } from '../support/share.ts';

const folder = new ExampleFolder();
folder.install('multithreading');
afterAll(() => {
  folder.remove();
});

const WORKERS = 4;
const ROUNDS = 5_000;

/** Calls an example's `create()` and lets workers call its `add()`; prints the count. */
const HARNESS = `
import { Worker as W, isMainThread as isMain, workerData as data } from 'node:worker_threads';
if (isMain) {
  const shared = create();
  const workers = Array.from({ length: ${WORKERS} }, () => new W(new URL(import.meta.url), { workerData: shared }));
  await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))));
  console.log((shared.words ?? shared)[1]);
} else {
  for (let i = 0; i < ${ROUNDS}; i++) add(data);
  process.exit(); // multithreading listens for messages, for ever
}
`;

const pairs = blocksOf('docs/migration.md').filter(({ code }) =>
  code.includes('export function add'),
);

it('has a before and an after of five locks, and one that stays', () => {
  expect(pairs).toHaveLength(9);
});

const some = share(pairs, { every: 3 }).map((example) => [example.line, example] as const);
it.concurrent.each(some)('the example in line %i adds right', async (_, { code }) => {
  const { stdout, ...ending } = await folder.start(code + HARNESS);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  expect(stdout).toBe(`${WORKERS * ROUNDS}\n`);
});
