// SPDX-License-Identifier: MIT
// A second copy of the package, as two dependencies of one program may each bring one: the library
// and the addon again, loaded from another folder. Half of the workers use it, so that locks of
// both meet on the same words.

import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The addon as it is built or published; what has been there is there. */
const PARTS = ['dist', 'package.json', 'build/Release/rseq_slice.node', 'prebuilds'];

/** The URL of the library that the main thread uses. */
export const ORIGINAL = new URL('../../dist/index.js', import.meta.url).href;

/** @returns {{ url: string, remove: () => void }} where the copy's library is */
export function copyPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-stress-'));
  for (const part of PARTS)
    if (existsSync(join(root, part)))
      cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: pathToFileURL(join(folder, 'dist/index.js')).href, remove };
}

/** The module that loads the addon, of the library with a URL. @param {string} url */
export function loaderOf(url) {
  return new URL('host/linux/binding.js', url).href;
}
