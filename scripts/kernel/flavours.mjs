// The table of kernel flavours: which edits of our own turn the one source into another flavour of the ABI.
// A flavour without edits is built from the source as it comes; one with edits starts from a copy of the built tree of
// its base, so that only what an edit touches is compiled again.

/**
 * One scripted edit: takes the text of a file of the tree and gives the new text. It throws when it does not find what it
 * wants to change, because an edit that silently does nothing would build the wrong flavour.
 * @typedef {object} Edit
 * @property {string} name what it changes, for messages
 * @property {string} file relative to the source tree
 * @property {(text: string) => string} apply
 */

/**
 * @typedef {object} Flavour
 * @property {string} name
 * @property {string} description
 * @property {string | null} base the flavour whose built tree it starts from; null for the plain source
 * @property {readonly Edit[]} edits
 */

/** @type {ReadonlyMap<string, Flavour>} */
export const FLAVOURS = new Map(
  [
    {
      name: 'mainline',
      description: 'the source as it comes: control word of two bytes, as merged and changed up to 7.3',
      base: null,
      edits: [],
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
    throw new Error(`No kernel flavour is called '${name}'. There is: ${[...FLAVOURS.keys()].join(', ')}.`);
  }
  return flavour;
}

/**
 * The text of a flavour's edits, for the cache key: an edit that changes gives another kernel.
 * @param {Flavour} flavour
 * @returns {string}
 */
export function editsText(flavour) {
  return flavour.edits.map((edit) => `${edit.file}\n${edit.apply.toString()}\n`).join('');
}
