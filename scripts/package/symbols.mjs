// SPDX-License-Identifier: MIT
// Which versions of libc's and libstdc++'s symbols a prebuilt addon asks for, and whether they are
// old enough. The dynamic linker refuses a library that asks for a version it has not got, so an
// addon compiled on a new distribution may not load on an old one. The floor is what Node.js itself
// asks for: then the addon loads wherever Node does.

import { execFileSync } from 'node:child_process';

/**
 * The newest versions an addon may ask for: what the official builds of Node.js 20 for Linux x64
 * ask for themselves.
 * @type {Readonly<Record<string, string>>}
 */
export const FLOOR = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' };

/**
 * @typedef {object} VersionedSymbol
 * @property {string} name
 * @property {string} version for example GLIBC_2.28
 */

/**
 * The symbols a library takes from others, as far as they have versions.
 * @param {string} path
 * @returns {VersionedSymbol[]}
 */
export function readImports(path) {
  // -W, lest long names are cut off.
  const table = execFileSync('readelf', ['-W', '--dyn-syms', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return table.split('\n').flatMap((line) => {
    const [, name, version] = / UND ([^@\s]+)@+(\S+)/.exec(line) ?? [];
    return name === undefined || version === undefined ? [] : [{ name, version }];
  });
}

/**
 * @param {readonly VersionedSymbol[]} symbols
 * @param {Readonly<Record<string, string>>} [floor]
 * @returns {VersionedSymbol[]} those that are too new; also those of a library that the floor does
 * not name
 */
export function tooNew(symbols, floor = FLOOR) {
  return symbols.filter(({ version }) => {
    const [, library = '', number = ''] = /^(.*)_(\d[\d.]*)$/.exec(version) ?? [];
    const newest = floor[library];
    return newest === undefined || compareVersions(number, newest) > 0;
  });
}

/** @param {string} a @param {string} b @returns {number} */
function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * @param {string} path of an addon for glibc
 * @returns {number} how many versioned symbols it asks for
 * @throws when one is too new, or when it has none, which no addon has
 */
export function checkImports(path) {
  const symbols = readImports(path);
  if (symbols.length === 0)
    throw new Error(`${path} asks for no versioned symbol: it is not linked against glibc.`);
  const wrong = tooNew(symbols);
  if (wrong.length === 0) return symbols.length;
  const floor = Object.entries(FLOOR)
    .map(([library, version]) => `${library}_${version}`)
    .join(', ');
  throw new Error(
    `${path} would not load everywhere Node.js does. It asks for ${wrong.map(({ name, version }) => `${name}@${version}`).join(', ')}; ` +
      `allowed is up to ${floor}. Name an older version in native/src/glibc.h, or do without the function.`,
  );
}
