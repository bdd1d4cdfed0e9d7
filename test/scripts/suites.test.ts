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

/** Short tests once more, for systems that are not Linux. */
const PORTABLE = 'vitest.portable.config.ts';

/** What is a test by its name, also by one that no suite would take. */
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(test|spec)\.\w+$/.test(name))
  .map((name) => `test/${name}`);

/** Prints the files of each suite, asked of vitest itself. */
const LIST = `
import { relative } from 'node:path';
import { createVitest } from 'vitest/node';
const found = {};
for (const [suite, config] of Object.entries(${JSON.stringify({ ...SUITES, portable: PORTABLE })})) {
  const vitest = await createVitest('test', { config, watch: false });
  found[suite] = (await vitest.globTestSpecifications()).map(({ moduleId }) => relative(process.cwd(), moduleId));
  await vitest.close();
}
console.log(JSON.stringify(found));
`;

type Files = readonly string[];

/** Asked once: to start vitest takes a while. */
let listed: ReturnType<typeof askSuites> | undefined;
const listSuites = () => (listed ??= askSuites());

function askSuites(): { suites: Readonly<Record<keyof typeof SUITES, Files>>; portable: Files } {
  const command = ['--input-type=module', '-e', LIST];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { portable, ...suites } = JSON.parse(stdout) as Readonly<
    Record<keyof typeof SUITES | 'portable', Files>
  >;
  return { suites, portable };
}

it('have every test once', () => {
  const { suites } = listSuites();
  expect(Object.values(suites).flat().toSorted()).toEqual(tests.toSorted());
});

const marked = tests.filter((name) =>
  /@portable\b/.test(readDocument(name).split('*/', 1)[0] ?? ''),
);

it('run short tests elsewhere than on Linux, those that are marked', () => {
  const { suites, portable } = listSuites();
  expect(portable.length).toBeGreaterThan(10);
  expect(portable.toSorted()).toEqual(marked.toSorted());
  expect(suites.short).toEqual(expect.arrayContaining([...portable]));
  const workflow = readDocument('.github/workflows/ci.yml');
  expect(workflow).toMatch(/\bnpm run test:portable\b/);
});

it.each(marked)('%s needs no Linux', (name) => {
  const text = readDocument(name);
  expect(text).not.toMatch(
    /node:child_process|\/support\/(?:c-headers|checkout|program|shim|strace)\.ts/,
  );
  expect(text).not.toMatch(/'\/proc\//);
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
