// SPDX-License-Identifier: MIT
/**
 * What a page carries in it so that it needs nothing else: the plotting library
 * with its licence, the page's script and its looks. They are put beside this
 * module, compressed, when `dist/` is built.
 */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

export interface Assets {
  readonly libraryScript: string;
  readonly libraryStyle: string;
  /** Goes with every copy. */
  readonly libraryLicence: string;
  readonly script: string;
  readonly style: string;
}

export function readAssets(folder: URL = new URL('./assets/', import.meta.url)): Assets {
  const read = (name: string): string =>
    brotliDecompressSync(readFileSync(new URL(`${name}.br`, folder))).toString();
  return {
    libraryScript: read('uPlot.iife.min.js'),
    libraryStyle: read('uPlot.min.css'),
    libraryLicence: readFileSync(new URL('uPlot.LICENSE', folder), 'utf8'),
    script: read('client.js'),
    style: read('page.css'),
  };
}
