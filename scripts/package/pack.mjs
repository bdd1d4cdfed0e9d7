// The command `npm run package`: the tarball that is published, made of what is built anew for it.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../native/target.mjs';

/**
 * @typedef {object} Packed
 * @property {string} path
 * @property {readonly string[]} files in it
 * @property {number} size bytes of the tarball
 */

/**
 * @param {string} step
 * @param {readonly string[]} command
 * @returns {string} stdout
 */
function runStep(step, [program = '', ...args]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${step} failed:\n${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

/**
 * Builds the library and the prebuilt addon, and packs them.
 * @param {string} folder for the tarball
 * @returns {Packed}
 */
export function pack(folder) {
  runStep('building the library', [process.execPath, join(root, 'scripts/build-lib.mjs')]);
  if (process.platform === 'linux') runStep('compiling the prebuilt addon', [process.execPath, join(root, 'scripts/package/prebuild.mjs')]);
  const [{ filename, files, size }] = JSON.parse(runStep('npm pack', ['npm', 'pack', '--json', '--pack-destination', folder]));
  return { path: join(folder, filename), files: files.map((/** @type {{ path: string }} */ { path }) => path), size };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { path, files, size } = pack(root);
    process.stdout.write(`${path}: ${files.length} files, ${size.toLocaleString('en')} bytes\n`);
  } catch (error) {
    process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
