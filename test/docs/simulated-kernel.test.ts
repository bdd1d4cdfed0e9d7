/** The examples of docs/simulated-kernel.md compile, and pass as the tests they are. */
import { afterAll, describe, expect, it } from 'vitest';
import { ExampleFolder, examplesOf, readDocument } from '../support/examples.ts';

const folder = new ExampleFolder();
afterAll(() => {
  folder.remove();
});

const examples = examplesOf(readDocument('docs/simulated-kernel.md'));

it('has four', () => {
  expect(examples).toHaveLength(4);
});

describe.each(examples.map((code, index) => [index + 1, code] as const))('example %i', (_, code) => {
  it('compiles', () => {
    expect(folder.complaints(code)).toEqual([]);
  });

  it('passes', () => {
    const { stdout, ...ending } = folder.run(code);
    expect(ending, stdout).toEqual({ status: 0, signal: null, stderr: '' });
    expect(stdout).toMatch(/# pass 2\n# fail 0/);
  });
});
