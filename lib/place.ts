// SPDX-License-Identifier: MIT
/**
 * Where this code is: in its package, whose files are in the folders next to it,
 * or in a bundle that someone made of it, where they are not. A bundle may know
 * neither: esbuild's CommonJS has no `import.meta.url`, and an ES module has no
 * `__filename`.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The module's file, as it is in the package and in a checkout. */
const IN_PACKAGE = /[/\\](?:dist|lib)[/\\]place\.[jt]s$/;

/**
 * As far as it is the address of a file. webpack writes down the one on the machine that made the
 * bundle.
 */
const module = ((): string | null => {
  const url = import.meta.url as string | undefined;
  return url?.startsWith('file:') === true ? fileURLToPath(url) : null;
})();

/**
 * Where the package is; null: this is a bundle, and nothing of the package is known to be there.
 */
export const packageFolder: string | null =
  module !== null && IN_PACKAGE.test(module) ? dirname(dirname(module)) : null;

/** Where the bundle is; null: this is no bundle, or it does not know. */
export const bundleFolder: string | null = ((): string | null => {
  try {
    // Tried and not asked for: webpack answers for what it then leaves out.
    return dirname(__filename);
  } catch {
    return module === null || packageFolder !== null ? null : dirname(module);
  }
})();
