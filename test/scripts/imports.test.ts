// SPDX-License-Identifier: MIT
/**
 * The scripts that are JavaScript import what is there: files, and names that the built library
 * has.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const IMPORT = /^import (?:\{([^}]*)\}|\w+|\* as \w+)(?:, \{([^}]*)\})? from '(\.[^']+)';$/gm;
const files = readdirSync(scripts, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.mjs'),
);

it.each(files)('%s', async (name) => {
  const path = join(scripts, name);
  for (const [, one = '', two = '', target = ''] of readFileSync(path, 'utf8').matchAll(IMPORT)) {
    const names = `${one},${two}`
      .split(',')
      .map((word) => word.trim().split(' ')[0] ?? '')
      .filter((word) => word !== '');
    const imported = resolve(dirname(path), target);
    const source = readFileSync(imported, 'utf8');
    // Programs do their work when they are imported; the library, which is built, does not.
    if (imported.includes('/dist/'))
      expect(Object.keys((await import(pathToFileURL(imported).href)) as object), target).toEqual(
        expect.arrayContaining(names),
      );
    else
      for (const word of names)
        expect(source, `${word} of ${target}`).toMatch(new RegExp(`\\bexport\\b.*\\b${word}\\b`));
  }
});
