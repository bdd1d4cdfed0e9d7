// SPDX-License-Identifier: MIT
// The addon compiled into build/Release, where it is preferred to a prebuilt one, with nothing but
// a compiler: what `npm run build:native` does in a checkout that has no make or Python 3, and
// `rseq-slice build` in an installed package.

import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compileAddon } from './compile.mjs';
import { findCompilers } from './compilers.mjs';
import { requireHeaders } from './headers.mjs';
import { readTarget, root } from './target.mjs';

const ADVICE =
  'Should it be a header or the linker that is missing, on Debian, as root: apt-get install g++ libc6-dev binutils';

/**
 * @param {import('./compile.mjs').Compilers} [compilers]
 * @returns {string} the addon
 * @throws with what the compiler said and what to do
 */
export function buildDirectly(compilers = findCompilers()) {
  try {
    mkdirSync(join(root, 'build/Release'), { recursive: true });
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : String(error)}\nThe addon goes into ${root}: run this as who may write there.`,
      { cause: error },
    );
  }
  // Beside the place it goes to, so that it can be renamed there: whoever loads the addon meanwhile
  // gets a whole one.
  const folder = mkdtempSync(join(root, 'build/direct-'));
  try {
    requireHeaders(root);
    const addon = compile(readTarget(), compilers, folder);
    const place = join(root, 'build/Release', basename(addon));
    renameSync(addon, place);
    return place;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @type {typeof compileAddon} */
function compile(...all) {
  try {
    return compileAddon(...all);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${ADVICE}`, {
      cause: error,
    });
  }
}
