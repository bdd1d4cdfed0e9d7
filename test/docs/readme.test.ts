// SPDX-License-Identifier: MIT
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

it('has at most 700 words', () => {
  expect(readme.split(/\s+/).filter((word) => word !== '').length).toBeLessThanOrEqual(700);
});

it('has a section in at most six lines, whose program ends well', () => {
  const [code = ''] = examplesOf(chapter('A section of your own'));
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(6);
  expect(folder.run(code)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
});

it('has a lock in at most ten lines, whose workers count right', () => {
  const [code = ''] = examplesOf(chapter('A lock'));
  expect(
    code
      .trim()
      .split('\n')
      .filter((line) => line !== '').length,
  ).toBeLessThanOrEqual(10);
  const { stdout, ...ending } = folder.run(code);
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const balances = stdout.trim().split('\n').map(Number);
  expect(balances).toHaveLength(4);
  expect(Math.max(...balances)).toBe(400_000);
});
