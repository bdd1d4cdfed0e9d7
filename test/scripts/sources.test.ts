// SPDX-License-Identifier: MIT
/**
 * What is true of every source file: it names its licence in its first line, or
 * in the second where the first one names what runs it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = /\.(?:[cm]?[jt]s|cc?|h|sh|css)$|^\.ci\/run$/;
const LICENCE = /^(?:#![^\n]*\n)?(?:\/\/|\/\*|#) SPDX-License-Identifier: MIT(?: \*\/)?\n/;

it('names its licence', () => {
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  )
    .split('\0')
    .filter((path) => SOURCE.test(path));
  expect(files.length).toBeGreaterThan(400);
  expect(files.filter((path) => !LICENCE.test(readFileSync(join(root, path), 'utf8')))).toEqual([]);
});
