// SPDX-License-Identifier: MIT
// The headers of node-addon-api and node-api-headers, which whoever installs the package has not
// got: the build copies them into dist/, and `rseq-slice build` compiles the addon with them.

import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** The packages with headers, and what goes with every copy of them. */
const PACKAGES = [
  { name: 'node-addon-api', licence: 'LICENSE.md' },
  { name: 'node-api-headers', licence: 'LICENSE' },
];

/**
 * Where the packages are found, besides node_modules, by who looks from a project.
 * @param {string} project its folder
 */
export const headersFolder = (project) => join(project, 'dist/headers');

/**
 * Copies the headers as packages that tell where they are just as the originals do.
 * @param {string} folder
 */
export function copyHeaders(folder) {
  const require = createRequire(import.meta.url);
  for (const { name, licence } of PACKAGES) {
    const to = join(folder, name);
    // node-addon-api tells it relative to the working directory.
    const from = resolve(require(name).include_dir);
    for (const file of readdirSync(from).filter((header) => header.endsWith('.h')))
      cpSync(join(from, file), join(to, file));
    cpSync(join(dirname(require.resolve(name)), licence), join(to, licence));
    // The package around them says that JavaScript is of modules.
    writeFileSync(join(to, 'package.json'), '{ "type": "commonjs" }\n');
    writeFileSync(join(to, 'index.js'), 'exports.include_dir = __dirname;\n');
  }
}

/**
 * @param {string} project the folder of a checkout or of the installed package
 * @throws when there is nothing to compile with
 */
export function requireHeaders(project) {
  for (const { name } of PACKAGES) includeFolder(name, project);
}

/**
 * @param {string} name of a package with headers
 * @param {string} project the folder of a checkout or of the installed package
 * @returns {string} the folder of its headers
 */
export function includeFolder(name, project) {
  // By their place: the resolver of who runs this, Yarn's say, knows nothing of a package that is
  // unpacked for the compiler.
  const places = [join(project, 'node_modules', name), join(headersFolder(project), name)];
  const place = places.find((folder) => existsSync(folder));
  if (place === undefined)
    throw new Error(
      `There is nothing to compile with: ${places[1]} is missing. Install the package anew.`,
    );
  return createRequire(import.meta.url)(place).include_dir;
}
