// SPDX-License-Identifier: MIT
// The command `npm run build:prebuilds`: compiles the addon for this architecture and libc into
// prebuilds/, where lib/host/linux/binding.ts looks for it, and checks that it loads on systems
// older than this one. For releases: it needs node-gyp and what that needs, make and Python 3.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../native/target.mjs';
import { checkImports } from './symbols.mjs';

/**
 * It has no types.
 * @type {(options: object, done: (error: Error | null) => void) => void}
 */
const prebuildify = createRequire(import.meta.url)('prebuildify');

/** @param {string} message */
const say = (message) => process.stderr.write(`prebuild: ${message}\n`);

/**
 * prebuildify takes the addon out of build/Release, so it gets a copy: the checkout keeps its own.
 * @param {string} folder
 */
function copySources(folder) {
  for (const name of ['binding.gyp', 'native', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

/** @param {string} folder with the sources */
async function compile(folder) {
  // Node's own headers are taken from beside the running node when they are there: nothing needs
  // downloading then.
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include/node/node_api.h')))
    process.env['npm_config_nodedir'] ??= prefix;
  await promisify(prebuildify)({
    cwd: folder,
    out: root,
    napi: true,
    strip: true,
    tagLibc: true,
    // Node-API is the same in all of them. prebuildify's own default is a version that it knows, to
    // be downloaded.
    targets: [`node@${process.version}`],
  });
}

async function main() {
  if (process.platform !== 'linux')
    throw new Error('Slices are a feature of Linux; there is no addon for other systems.');
  const output = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-prebuild-'));
  try {
    copySources(folder);
    mkdirSync(output, { recursive: true });
    await compile(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const name of readdirSync(output)) {
    const path = join(output, name);
    let found = 'no versioned symbols to check: it is not for glibc';
    if (name.includes('.glibc.')) {
      try {
        found = `${checkImports(path)} versioned symbols, none newer than Node's own`;
      } catch (error) {
        // Lest it be packed all the same.
        rmSync(path);
        throw error;
      }
    }
    say(`${relative(root, path)}: ${statSync(path).size.toLocaleString('en')} bytes, ${found}.`);
  }
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
