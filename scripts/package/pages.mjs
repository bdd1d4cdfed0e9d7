// SPDX-License-Identifier: MIT
// The pages as the package has them: what they link to is in the package too, or in the repository
// at this version's tag, or is no link there.

import { posix } from 'node:path';

/** A link of a page to a place that is no address: its text, the place, and the part of it. */
const LINK = /\[([^\]]*)\]\((?![a-z]+:|#|\/\/)([^)\s#]+)(#[^)\s]*)?\)/g;

/**
 * @param {string} text of a page
 * @param {string} page its name, from the package's folder
 * @returns {string[]} the files it links to, from the package's folder
 */
export const linksOf = (text, page) =>
  [...text.matchAll(LINK)].map(([, , place = '']) => posix.join(posix.dirname(page), place));

/**
 * @param {string} text of a page
 * @param {string} page its name, from the package's folder
 * @param {ReadonlySet<string>} files of the package
 * @param {string | null} source where the repository's files can be looked at; null: not known
 * @param {string} [folder] the package's, in the repository
 * @returns {string} the page for the package
 */
export function relink(text, page, files, source, folder = '.') {
  return text.replaceAll(LINK, (link, words, place, part = '') => {
    const file = posix.join(posix.dirname(page), place);
    if (files.has(file)) return link;
    return source === null ? words : `[${words}](${source}/${posix.join(folder, file)}${part})`;
  });
}
