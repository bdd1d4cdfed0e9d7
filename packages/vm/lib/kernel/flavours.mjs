// SPDX-License-Identifier: MIT
// The table of kernel flavours: which edits of our own turn the one source into another flavour of
// the ABI. A flavour without edits is built from the source as it comes; one with edits starts from
// a copy of the built tree of its base, so that only what an edit touches is compiled again.

import { EDITS_7_0, EDITS_RFC } from './edits.mjs';

/**
 * @typedef {object} Flavour
 * @property {string} name
 * @property {string} description
 * @property {string | null} base the flavour whose built tree it starts from; null for the plain
 * source
 * @property {readonly import('./edits.mjs').Edit[]} edits
 * @property {readonly string[]} config lines of a configuration that come after the fragment's
 * @property {number} [objects] how many make tells of; another source or compiler has some more or
 * fewer. Left out where it is a matter of a minute
 */

/** @type {ReadonlyMap<string, Flavour>} */
export const FLAVOURS = new Map(
  [
    {
      name: 'mainline',
      description:
        'the source as it comes: control word of two bytes, as merged and changed up to 7.3',
      base: null,
      edits: [],
      config: [],
      objects: 1770,
    },
    {
      name: '7.0',
      description: 'control word of two bytes, as first merged: any area can have slices',
      base: 'mainline',
      edits: EDITS_7_0,
      config: [],
    },
    {
      name: 'rfc',
      description:
        'the first public ABI: control word of two bits, yield at 470, death for any other system call in an extension',
      base: 'mainline',
      edits: EDITS_RFC,
      config: [],
      objects: 971,
    },
    {
      name: 'off',
      description: 'configured without the feature, as distributions do',
      base: 'mainline',
      edits: [],
      config: ['# CONFIG_RSEQ_SLICE_EXTENSION is not set'],
      objects: 1329,
    },
  ].map((flavour) => [flavour.name, flavour]),
);

export const DEFAULT_FLAVOUR = 'mainline';

/**
 * @param {string} name
 * @returns {Flavour}
 */
export function flavourNamed(name) {
  const flavour = FLAVOURS.get(name);
  if (flavour === undefined) {
    throw new Error(
      `No kernel flavour is called '${name}'. There is: ${[...FLAVOURS.keys()].join(', ')}.`,
    );
  }
  return flavour;
}

/**
 * The text of a flavour's edits and configuration, for the cache key: what changes gives another
 * kernel.
 * @param {Flavour} flavour
 * @returns {string}
 */
export function editsText({ edits, config }) {
  return [
    ...edits.map(({ file, text }) => `${file}\n${text}\n`),
    ...config.map((line) => `${line}\n`),
  ].join('');
}

/**
 * How a flavour differs from the source as it comes, a line each.
 * @param {Flavour} flavour
 * @returns {string[]}
 */
export function describeDifferences({ edits, config }) {
  return [
    ...edits.map(({ name, file }) => `${name} (${file})`),
    ...config.map((line) => `configuration: ${line}`),
  ];
}
