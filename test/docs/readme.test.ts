/**
 * The README's examples do what they say. That they compile, and that what it
 * names is there, is tested of every document in examples.test.ts.
 */
import { afterAll, expect, it } from 'vitest';
import { ExampleFolder, examplesOf, readDocument } from '../support/examples.ts';

const readme = readDocument('README.md');
const folder = new ExampleFolder();
afterAll(() => {
  folder.remove();
});

/** @returns the text below a heading, up to the next of its kind. */
function chapter(heading: string): string {
  const [, rest] = readme.split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`README.md has no chapter '${heading}'.`);
  return rest.split('\n## ')[0] ?? '';
}

it('has a quick start under 20 lines, whose workers count right', () => {
  const [code = ''] = examplesOf(chapter('Quick start'));
  expect(code.trim().split('\n').length).toBeLessThan(20);
  const { stdout, ...ending } = folder.run(code);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const totals = [...stdout.matchAll(/^(\d+) \{/gm)].map(([, total]) => Number(total));
  expect(totals).toHaveLength(4);
  // Only the last to finish sees everybody's work.
  expect(Math.max(...totals)).toBe(400_000);
});

it('has an example of locks whose workers count right', () => {
  const [code = ''] = examplesOf(chapter('Locks'));
  const { stdout, ...ending } = folder.run(code);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const balances = stdout.trim().split('\n').map(Number);
  expect(balances).toHaveLength(4);
  expect(Math.max(...balances)).toBe(400_000);
});
