// SPDX-License-Identifier: MIT
// All that a compiler needs to make the addon, in one file of the package: the sources,
// binding.gyp, and the headers of node-addon-api and node-api-headers, which whoever installs the
// package has not got. As they are they would be larger than all the rest of it, and most people
// have a prebuilt addon and never look at them. They are without comments: who wants to read them
// has the repository.

import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** Where the file is in the package. */
const archive = fileURLToPath(new URL('../../dist/native.br', import.meta.url));

/** The packages with headers, and what goes with every copy of them. */
const PACKAGES = [
  { name: 'node-addon-api', licence: 'LICENSE.md' },
  { name: 'node-api-headers', licence: 'LICENSE' },
];

/** A string or a character, which is kept, or a comment. */
const STRING_OR_COMMENT = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** @param {string} text in C or C++ @returns {string} without comments and empty lines */
export function stripComments(text) {
  return text
    .replaceAll(STRING_OR_COMMENT, (_, string) => string ?? ' ')
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/\n{2,}/g, '\n');
}

/**
 * The files of a package with headers, as a package that tells where they are just as the original
 * does.
 * @param {typeof PACKAGES[number]} which
 * @returns {[name: string, text: string][]}
 */
function filesOf({ name, licence }) {
  const require = createRequire(import.meta.url);
  const to = join('node_modules', name);
  // node-addon-api tells it relative to the working directory.
  const from = resolve(require(name).include_dir);
  const headers = readdirSync(from).filter((file) => file.endsWith('.h'));
  return [
    [join(to, 'index.js'), 'exports.include_dir = __dirname;\n'],
    [join(to, licence), readFileSync(join(dirname(require.resolve(name)), licence), 'utf8')],
    ...headers.map(
      (file) =>
        /** @type {[string, string]} */ ([
          join(to, file),
          stripComments(readFileSync(join(from, file), 'utf8')),
        ]),
    ),
  ];
}

/**
 * @param {string} root of a checkout
 * @returns {Buffer} the file's content
 */
export function packSources(root) {
  const sources = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.(c|cc|h)$/.test(name) && !name.startsWith('test'),
  );
  const own = sources
    .map((name) => join('native', name))
    .map((name) => [name, stripComments(readFileSync(join(root, name), 'utf8'))]);
  const files = Object.fromEntries([
    ['binding.gyp', readFileSync(join(root, 'binding.gyp'), 'utf8')],
    ...own,
    ...PACKAGES.flatMap(filesOf),
  ]);
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT, BROTLI_MAX_WINDOW_BITS } =
    constants;
  return brotliCompressSync(JSON.stringify(files), {
    params: { [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS, [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT },
  });
}

/** @param {string} folder gets what a checkout has for the compiler */
export function unpackSources(folder) {
  if (!existsSync(archive))
    throw new Error(
      `There is nothing to compile: ${archive} is missing. Install the package anew.`,
    );
  for (const [name, text] of Object.entries(
    JSON.parse(brotliDecompressSync(readFileSync(archive)).toString()),
  )) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}
