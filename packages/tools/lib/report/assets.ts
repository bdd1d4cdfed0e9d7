// SPDX-License-Identifier: MIT
/**
 * What a page carries in it: its own script and looks, which lie next to this module, and the
 * plotting library, which is taken from its own package as that has it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface Assets {
  readonly libraryScript: string;
  readonly libraryStyle: string;
  /** Goes with every copy. */
  readonly libraryLicence: string;
  readonly script: string;
  readonly style: string;
}

const { resolve } = createRequire(import.meta.url);

export function readAssets(): Assets {
  const own = (name: string): string =>
    readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8');
  const library = (name: string): string => readFileSync(resolve(`uplot/${name}`), 'utf8');
  return {
    libraryScript: library('dist/uPlot.iife.min.js'),
    libraryStyle: library('dist/uPlot.min.css'),
    libraryLicence: library('LICENSE'),
    script: own('client.js'),
    style: own('page.css'),
  };
}
