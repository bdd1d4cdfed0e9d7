// The headers that the addon's sources need beside the system's: node-addon-api and node-api-headers. They are packages for
// development, so whoever installs this one has not got them, and the sources are of no use without. They are larger
// than all the rest, so they go into the package in one compressed file, without their comments.

import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** Where the file is in the package. */
const packed = fileURLToPath(new URL('../../dist/headers.br', import.meta.url));

/** The packages, and what goes with every copy. */
const PACKAGES = [
  { name: 'node-addon-api', licence: 'LICENSE.md' },
  { name: 'node-api-headers', licence: 'LICENSE' },
];

/** A string or a character, which is kept, or a comment. */
const STRING_OR_COMMENT = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\*[^]*?\*\/|\/\/[^\n]*/g;

/** @param {string} text in C or C++ @returns {string} without comments and empty lines */
export function stripComments(text) {
  return text.replaceAll(STRING_OR_COMMENT, (_, string) => string ?? ' ').replaceAll(/[ \t]+$/gm, '').replaceAll(/\n{2,}/g, '\n');
}

/** @param {string} name of a package @returns {string} the folder of its headers */
function headersOf(name) {
  // node-addon-api's is relative to the working directory.
  return resolve(createRequire(import.meta.url)(name).include_dir);
}

/**
 * Packs the headers of the packages that are installed here.
 * @returns {Buffer}
 */
export function packHeaders() {
  /** @type {Record<string, string>} */
  const files = {};
  for (const { name, licence } of PACKAGES) {
    const folder = headersOf(name);
    for (const file of readdirSync(folder).filter((each) => each.endsWith('.h'))) {
      files[join(name, file)] = stripComments(readFileSync(join(folder, file), 'utf8'));
    }
    files[join(name, licence)] = readFileSync(join(dirname(createRequire(import.meta.url).resolve(name)), licence), 'utf8');
  }
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT, BROTLI_MAX_WINDOW_BITS } = constants;
  return brotliCompressSync(JSON.stringify(files), { params: { [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS, [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT } });
}

/** Whether the packages themselves are there, as in a checkout. */
export function areInstalled() {
  const require = createRequire(import.meta.url);
  try {
    for (const { name } of PACKAGES) require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Unpacks the headers, as packages that tell where they are as their originals do.
 * @param {string} folder gets a folder for each package
 */
export function unpackHeaders(folder) {
  if (!existsSync(packed)) {
    throw new Error(`The headers of Node-API are missing: no ${packed}, and ${PACKAGES.map(({ name }) => name).join(' and ')} are not installed.`);
  }
  for (const { name } of PACKAGES) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'index.js'), 'exports.include_dir = __dirname;\n');
  }
  for (const [name, text] of Object.entries(JSON.parse(brotliDecompressSync(readFileSync(packed)).toString()))) writeFileSync(join(folder, name), text);
}
