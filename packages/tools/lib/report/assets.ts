// SPDX-License-Identifier: MIT
/**
 * What a page carries in it: its own script and looks, and the plotting library. They lie next to
 * this module, the library's as its package has them, when `dist/` is built.
 */
import { readFileSync } from 'node:fs';

export interface Assets {
  readonly libraryScript: string;
  readonly libraryStyle: string;
  /** Goes with every copy. */
  readonly libraryLicence: string;
  readonly script: string;
  readonly style: string;
}

export function readAssets(folder: URL = new URL('./assets/', import.meta.url)): Assets {
  const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
  return {
    libraryScript: read('uPlot.iife.min.js'),
    libraryStyle: read('uPlot.min.css'),
    libraryLicence: read('uPlot.LICENSE'),
    script: read('client.js'),
    style: read('page.css'),
  };
}
