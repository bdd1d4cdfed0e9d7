// SPDX-License-Identifier: MIT
/**
 * Every example of the README and the pages: it compiles, it runs to a good end
 * in a process of its own, and the commands it names are there. What a page
 * claims beyond that has a test of its own beside this one. One in three is run here, and the
 * others by the long suite.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { commandsOf, complainOf } from '../support/commands.ts';
import { blocksOf, DOCUMENTS, ExampleFolder, readDocument, root } from '../support/examples.ts';
import type { Example } from '../support/examples.ts';
import { share } from '../support/share.ts';

const folder = new ExampleFolder();
for (const name of ['async-mutex', 'multithreading']) folder.install(name);
afterAll(() => {
  folder.remove();
});

const blocks = DOCUMENTS.flatMap((document) => blocksOf(document));
const named = (examples: readonly Example[]) =>
  examples.map((example) => [`${example.document}:${example.line}`, example] as const);
const of = (...languages: readonly string[]) =>
  named(
    blocks.filter(
      ({ language, treatment }) => languages.includes(language) && treatment !== 'shown only',
    ),
  );

const programs = of('ts', 'js');
const complaints = folder.complaintsOfAll(programs.map(([, example]) => example));

it('are there', () => {
  expect(programs.length).toBeGreaterThan(20);
  expect(programs.filter(([, { document }]) => document === TESTS)).toHaveLength(4);
  expect(of('json').length).toBeGreaterThan(0);
});

it('are in languages that something is done with', () => {
  for (const { document, line, language } of blocks)
    expect(['ts', 'js', 'sh', 'json', 'c', 'text'], `${document}:${line}`).toContain(language);
});

it.each(programs.map(([name], index) => [name, index] as const))('%s compiles', (_, index) => {
  expect(complaints[index]).toEqual([]);
});

/** Its examples are tests, two each. */
const TESTS = 'docs/simulated-kernel.md';

/** Ends a program that serves, on any port, after it has had time to fail. */
const UNTIL = "process.env.PORT = '0';\nsetTimeout(() => process.exit(), 1_000);\n";

const runnable = programs.filter(([, { treatment }]) => treatment !== 'compile only');
it.concurrent.each(share(runnable, { every: 3 }))(
  '%s runs',
  async (_, { document, code, treatment }) => {
    const { stdout, ...ending } = await folder.start(treatment === 'serves' ? UNTIL + code : code);
    expect(ending, stdout).toEqual({ status: 0, signal: null, stderr: '' });
    if (document === TESTS) expect(stdout).toMatch(/# pass 2\n# fail 0/);
  },
);

it.each(of('json'))('%s is JSON', (_, { code }) => {
  expect(() => JSON.parse(code) as unknown).not.toThrow();
});

const compiler = spawnSync('cc', ['--version']).error === undefined;
if (!compiler) console.log('Examples in C are not compiled: there is no cc.');
it.skipIf(!compiler).each(of('c'))('%s compiles', (_, { code }) => {
  const { status, stderr } = spawnSync(
    'cc',
    [
      '-std=c11',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-fsyntax-only',
      '-I',
      join(root, 'native/include'),
      '-x',
      'c',
      '-',
    ],
    { input: code, encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

describe.each(DOCUMENTS)('%s', (document) => {
  it('names only commands that are there', () => {
    for (const { command, isAny } of commandsOf(document)) {
      expect(complainOf(command, { isAny }), command).toBeNull();
    }
  });

  it('links only to what is there', () => {
    for (const [, target = ''] of readDocument(document).matchAll(
      /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g,
    )) {
      expect(existsSync(join(root, dirname(document), target)), target).toBe(true);
    }
  });

  it('links only to headings that are there', () => {
    const headingsOf = (text: string) =>
      [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
    for (const [, target = '', anchor = ''] of readDocument(document).matchAll(
      /\]\((?!https?:)([^)#\s]*)#([\w-]+)\)/g,
    )) {
      const file = target === '' ? document : join(dirname(document), target);
      expect(headingsOf(readDocument(file)), `${target}#${anchor}`).toContain(anchor);
    }
  });
});
