// SPDX-License-Identifier: MIT
/**
 * The suites that the tests are divided into: every test is in exactly one of them, whatever its
 * name; a long one has a short one beside it; and whoever divides a table between the two has a
 * file in both. A clean clone runs them all.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { readDocument, root } from '../support/examples.ts';

const SUITES = {
  short: 'vitest.config.ts',
  long: 'vitest.long.config.ts',
  kernel: 'vitest.kernel.config.ts',
} as const;

/** What is a test by its name, also by one that no suite would take. */
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(test|spec)\.\w+$/.test(name))
  .map((name) => `test/${name}`);

/** Prints the files of each suite, asked of vitest itself. */
const LIST = `
import { relative } from 'node:path';
import { createVitest } from 'vitest/node';
const found = {};
for (const [suite, config] of Object.entries(${JSON.stringify(SUITES)})) {
  const vitest = await createVitest('test', { config, watch: false });
  found[suite] = (await vitest.globTestSpecifications()).map(({ moduleId }) => relative(process.cwd(), moduleId));
  await vitest.close();
}
console.log(JSON.stringify(found));
`;

it('have every test once', () => {
  const command = ['--input-type=module', '-e', LIST];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const found = JSON.parse(stdout) as Readonly<Record<keyof typeof SUITES, readonly string[]>>;
  expect(Object.values(found).flat().toSorted()).toEqual(tests.toSorted());
});

const long = tests.filter((name) => name.endsWith('.long.test.ts'));

it.each(long)('%s has a short test beside it', (name) => {
  expect(tests).toContain(name.replace('.long.', '.'));
});

const divided = tests.filter((name) => /from '.*\/support\/share\.ts'/.test(readDocument(name)));

it.each(divided)('%s has its other rows in the long suite', (name) => {
  const other = name.replace(/\.test\.ts$/, '.long.test.ts');
  expect(long).toContain(other);
  expect(readDocument(other)).toContain(`import './${basename(name)}';`);
});

const callers = ['scripts/ci.mjs', '.github/workflows/ci.yml', '.github/workflows/release.yml'];

it.each(callers)('short and long are both run by %s', (file) => {
  const commands = readDocument(file);
  expect(commands).toMatch(/\bnpm test\b/);
  expect(commands).toMatch(/\bnpm run test:long\b/);
});
