// SPDX-License-Identifier: MIT
// The command `npm run build:lib`: the library in dist/ and the tools in packages/tools/dist/, as
// they are installed. One file for each of lib/, since workers and child programs are started by
// the address of theirs. Types are replaced by blanks and everything else stays: what is installed
// can be read, and names, lines and columns in stack traces are those of the sources without a
// source map.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import tsBlankSpace from 'ts-blank-space';
import ts from 'typescript';
import { copyHeaders } from './native/headers.mjs';
import { readFlags } from './read-flags.mjs';

const HELP = `Builds the library in dist/ and the tools in packages/tools/dist/.

  node scripts/build-lib.mjs

Exit codes: 0 done, 1 the types are wrong, 2 wrong usage.
`;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} project the package's folder
 * @param {string} folder for the declarations
 * @returns {boolean} whether the types are right
 */
function declare(project, folder) {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  const config = join(project, 'tsconfig.build.json');
  const { status } = spawnSync(process.execPath, [tsc, '-p', config, '--outDir', folder], {
    stdio: 'inherit',
  });
  return status === 0;
}

/**
 * @param {string} project the package's folder
 * @param {string} folder for the programs
 */
function blank(project, folder) {
  const sources = join(project, 'lib');
  for (const name of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const to = join(folder, name.replace(/ts$/, 'js'));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, renameImports(tsBlankSpace(readFileSync(join(sources, name), 'utf8'))));
  }
}

/**
 * @param {string} text of a module
 * @returns {string} the same with `.js` where it imports a `.ts` beside it, which is as long
 */
function renameImports(text) {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  let renamed = text;
  for (const { fileName, pos } of importedFiles) {
    if (!fileName.startsWith('.') || !fileName.endsWith('.ts')) continue;
    // Behind the quotation mark.
    const at = pos + 1 + fileName.length - 'ts'.length;
    renamed = `${renamed.slice(0, at)}js${renamed.slice(at + 2)}`;
  }
  return renamed;
}

/**
 * The script and the looks of a report's page.
 * @param {string} folder
 */
function copyAssets(folder) {
  const to = join(folder, 'report/assets');
  mkdirSync(to, { recursive: true });
  const own = join(root, 'packages/tools/lib/report/assets');
  for (const name of readdirSync(own)) copyFileSync(join(own, name), join(to, name));
}

/**
 * npm makes what it installs executable; `npx` in a checkout does so only once, and would not after
 * the next build.
 * @param {string} project
 * @param {string} folder
 */
function allowToRun(project, folder) {
  // A temporary folder is its maker's only.
  chmodSync(folder, 0o755);
  const description = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  for (const path of /** @type {string[]} */ (Object.values(description.bin)))
    chmodSync(join(folder, relative('dist', path)), 0o755);
}

/**
 * @param {string} project
 * @param {(folder: string) => void} [finish] adds what the compiler does not make
 * @returns {boolean}
 */
function build(project, finish = () => undefined) {
  mkdirSync(join(root, 'build'), { recursive: true });
  // Whoever uses the package meanwhile has the old one to the end, and nothing is left of what lib/
  // has no more.
  const folder = mkdtempSync(join(root, 'build/lib-'));
  try {
    if (!declare(project, folder)) return false;
    blank(project, folder);
    finish(folder);
    allowToRun(project, folder);
    rmSync(join(project, 'dist'), { recursive: true, force: true });
    renameSync(folder, join(project, 'dist'));
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (readFlags('build-lib', HELP) !== null) {
  // In this order: the tools are checked against the declarations of the library.
  const isBuilt =
    build(root, (folder) => copyHeaders(join(folder, 'headers'))) &&
    build(join(root, 'packages/tools'), copyAssets);
  process.exitCode = isBuilt ? 0 : 1;
}
