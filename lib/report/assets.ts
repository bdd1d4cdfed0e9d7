/**
 * What a page carries in it so that it needs nothing else: the plotting library
 * with its licence, the page's script and its looks. The library's files are
 * copied beside the page's own when `dist/` is built.
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
