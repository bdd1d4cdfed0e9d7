// SPDX-License-Identifier: MIT
/**
 * What docs/style.md says of words and tables is true of the pages, of the manual and of what the
 * commands print as help.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, readDocument, root } from '../support/examples.ts';

const STYLE = 'docs/style.md';

/** The rows of a table under a heading: what is to be said, and what is not. */
function wordsOf(text: string): readonly string[] {
  const [, chapter = ''] = text.split('\n## Words\n');
  const rows = (chapter.split('\n## ')[0] ?? '').matchAll(/^\| [^|]+ \| (`[^|]+`) \|$/gm);
  return [...rows].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}
const words = wordsOf(readDocument(STYLE));

/** Prose alone: names in code are what they are. */
const proseOf = (page: string): string =>
  page.replace(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]+`/g, '');

/** Where the words stand, with what is around them. */
function foundIn(text: string): readonly string[] {
  const plain = text.replaceAll(/\s+/g, ' ');
  return words.flatMap((word) =>
    [...plain.matchAll(new RegExp(`.{0,30}\\b${word}\\b.{0,20}`, 'gi'))].map(([found]) => found),
  );
}

it('has words that are looked for', () => {
  expect(words.length).toBeGreaterThan(8);
  expect(foundIn('Whoever\nreads this')).toHaveLength(1);
});

describe.each(DOCUMENTS.filter((name) => name !== STYLE))('%s', (name) => {
  it('says each thing by its name', () => {
    expect(foundIn(proseOf(readDocument(name)))).toEqual([]);
  });
});

describe.each(DOCUMENTS)('%s', (name) => {
  it('has no list of names, as a table of two columns, that says nothing of one', () => {
    const lines = readDocument(name)
      .replace(/^```[^]*?^```$/gm, '')
      .split('\n');
    const isHead = (at: number): boolean => /^\|[-: ]+\|/.test(lines[at + 1] ?? '');
    const empty = lines.filter(
      (line, at) =>
        !isHead(at) && /^\| *(?:[^|\\]|\\.)+\| *\|$|^\| *\|(?:[^|\\]|\\.)+\|$/.test(line),
    );
    expect(empty).toEqual([]);
  });
});

it('holds of the manual', () => {
  for (const page of ['rseq_slice', 'rseq_percpu'])
    expect(foundIn(readDocument(`native/man/${page}.3`))).toEqual([]);
});

const PROGRAMS: readonly (readonly string[])[] = [
  ...['', 'doctor', 'demo', 'bench', 'report', 'trace', 'build'].map((name) => [
    'dist/cli/main.js',
    ...(name === '' ? [] : [name]),
  ]),
  ['packages/vm/lib/main.mjs'],
  ['packages/vm/lib/main.mjs', 'kernel'],
];

it.each(PROGRAMS)('holds of the help of %s %s', (...command) => {
  const [program = '', ...rest] = command;
  const { status, stdout } = spawnSync(process.execPath, [join(root, program), ...rest, '--help'], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(foundIn(stdout)).toEqual([]);
});
