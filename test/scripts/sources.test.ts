// SPDX-License-Identifier: MIT
/**
 * What is true of every source file: it names its licence in its first line, or in the second where
 * the first one names what runs it; then it says what it is for; and no comment is wider than the
 * code may be.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = /\.(?:[cm]?[jt]s|cc?|h|sh|css|py)$|^\.ci\/run$|(?:^|\/)CMakeLists\.txt$/;
const LICENCE = /^(?:#![^\n]*\n)?(?:\/\/|\/\*|#) SPDX-License-Identifier: MIT(?: \*\/)?\n/;
/** Comments that a file may begin with, by the ends of its name. */
const BLOCK = /^\n?\/\*[\s\S]*?\*\//;
const SLASHES = /^\n?(?:\/\/ [^\n]*\n)+/;
const HASHES = /^\n?(?:# [^\n]*\n)+/;
const HEADS = [
  { end: /\.(?:ts|c|cc|h|css)$/, head: BLOCK },
  { end: /\.(?:[cm]?js|cc)$/, head: SLASHES },
  { end: /\.(?:sh|py|txt)$|^\.ci\/run$/, head: HASHES },
];
const WIDTH = 100;
/** Columns; C is indented with tabs. */
const TAB = 8;

const files = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\0')
  .filter((path) => SOURCE.test(path));

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The comment that a file begins with, behind its licence; empty: there is none. */
function headOf(path: string): string {
  const text = read(path).replace(LICENCE, '');
  const heads = HEADS.filter(({ end }) => end.test(path)).map(({ head }) => head.exec(text)?.[0]);
  return heads.find((head) => head !== undefined) ?? '';
}

/** The words of a comment. */
const wordsOf = (comment: string) => comment.match(/[\w'`-]{2,}/g) ?? [];

describe('every source', () => {
  it('names its licence', () => {
    expect(files.length).toBeGreaterThan(400);
    expect(files.filter((path) => !LICENCE.test(read(path)))).toEqual([]);
  });

  it('says what it is for', () => {
    expect(files.filter((path) => wordsOf(headOf(path)).length < 5)).toEqual([]);
  });

  it('has no comment that is too wide', () => {
    const isTooWide = (line: string) =>
      /^\s*(?:\/\/|\/?\*|# )/.test(line) && line.replaceAll('\t', ' '.repeat(TAB)).length > WIDTH;
    const wide = files.flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) => (isTooWide(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(wide).toEqual([]);
  });
});
