// SPDX-License-Identifier: MIT
// Which declarations of a package a user's compiler can come to. The others are of what is inside:
// a third of all, which nobody who installs the package has a use for.

import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/**
 * @param {string} folder the package's, with its description
 * @returns {ReadonlySet<string>} paths in that folder
 */
export function reachedDeclarations(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  /** @type {Set<string>} */
  const reached = new Set();
  const visit = (/** @type {string} */ file) => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = readFileSync(join(folder, file), 'utf8');
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles)
      if (fileName.startsWith('.'))
        visit(join(dirname(file), fileName.replace(/\.(?:js|ts)$/, '.d.ts')));
  };
  for (const { types } of /** @type {{ types?: string }[]} */ (Object.values(exports)))
    if (types !== undefined) visit(normalize(types));
  return reached;
}
