// SPDX-License-Identifier: MIT
// The command `npm run build:lib`: the library as it is installed, in dist/. One file for each of
// lib/, since workers and child programs are started by the address of theirs; small, since most of
// what is in it is never looked at: without comments and local names, which the sources have. Names
// of functions and classes stay, and lines too, for stack traces.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
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
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { minify } from 'terser';
import { packSources } from './native/archive.mjs';
import { shakeTypes } from './shake-types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Whose types are for users: the modules that package.json exports. */
const PUBLIC = Object.values(description.exports).flatMap((entry) => entry.types ?? []);

/** @param {string} folder @returns {boolean} */
function compile(folder) {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  return (
    spawnSync(
      process.execPath,
      [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder],
      { stdio: 'inherit' },
    ).status === 0
  );
}

/** @param {string} folder @param {string} ending @returns {string[]} */
const filesIn = (folder, ending) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

/** @param {string} folder */
async function shrinkPrograms(folder) {
  for (const path of filesIn(folder, '.js')) {
    // Of what nobody can import, functions' names are of use to nobody.
    const toplevel = /^(bench|cli|report)\//.test(relative(folder, path));
    const { code } = await minify(readFileSync(path, 'utf8'), {
      module: true,
      ecma: 2020,
      // What is called where is left as it was written: the way into a section is written for V8.
      compress: {
        toplevel: false,
        keep_classnames: true,
        keep_fnames: true,
        inline: false,
        reduce_funcs: false,
        passes: 2,
      },
      mangle: { toplevel, keep_classnames: true, keep_fnames: !toplevel },
      format: { semicolons: false },
    });
    if (code === undefined) throw new Error(`${path}: nothing came out of it`);
    writeFileSync(path, code);
  }
}

/**
 * Declarations of what users can name, with tabs: a tenth of them is indentation.
 * @param {string} folder
 */
function shrinkTypes(folder) {
  shakeTypes(
    folder,
    PUBLIC.map((entry) => join(folder, entry.replace('./dist/', ''))),
    filesIn(folder, '.d.ts'),
  );
  for (const path of filesIn(folder, '.d.ts')) {
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replaceAll(/^( {4})+/gm, (spaces) =>
        '\t'.repeat(spaces.length / 4),
      ),
    );
  }
}

/**
 * What a report's page carries in it: the page's script and looks from lib/, and the plotting
 * library with its licence.
 * @param {string} folder
 */
function packAssets(folder) {
  const own = join(root, 'lib/report/assets');
  const library = join(root, 'node_modules/uplot');
  const files = [
    ...readdirSync(own).map((name) => join(own, name)),
    ...['uPlot.iife.min.js', 'uPlot.min.css'].map((name) => join(library, 'dist', name)),
  ];
  const to = join(folder, 'report/assets');
  mkdirSync(to, { recursive: true });
  for (const path of files)
    writeFileSync(
      join(to, `${path.slice(dirname(path).length + 1)}.br`),
      brotliCompressSync(readFileSync(path)),
    );
  copyFileSync(join(library, 'LICENSE'), join(to, 'uPlot.LICENSE'));
}

/** Manual pages, as man(1) and npm take them too. @param {string} folder */
function packManuals(folder) {
  const manuals = join(root, 'native/man');
  for (const name of existsSync(manuals) ? readdirSync(manuals) : []) {
    mkdirSync(join(folder, 'man'), { recursive: true });
    writeFileSync(
      join(folder, 'man', `${name}.gz`),
      gzipSync(readFileSync(join(manuals, name)), { level: 9 }),
    );
  }
}

/**
 * npm makes what it installs executable; `npx` in a checkout does so only once, and would not after
 * the next build.
 * @param {string} folder
 */
function allowToRun(folder) {
  // A temporary folder is its maker's only.
  chmodSync(folder, 0o755);
  for (const path of /** @type {string[]} */ (Object.values(description.bin)))
    chmodSync(join(folder, relative('dist', path)), 0o755);
}

async function main() {
  mkdirSync(join(root, 'build'), { recursive: true });
  // Whoever uses the library meanwhile has the old one to the end, and nothing is left of what lib/
  // has no more.
  const folder = mkdtempSync(join(root, 'build/lib-'));
  try {
    if (!compile(folder)) return 1;
    await shrinkPrograms(folder);
    shrinkTypes(folder);
    packAssets(folder);
    packManuals(folder);
    writeFileSync(join(folder, 'native.br'), packSources(root));
    const schema = JSON.parse(readFileSync(join(root, 'schema/bench.schema.json'), 'utf8'));
    writeFileSync(join(folder, 'bench.schema.json'), JSON.stringify(schema));
    allowToRun(folder);
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    renameSync(folder, join(root, 'dist'));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
