// SPDX-License-Identifier: MIT
// Whether people can read what is installed: pages whose links lead somewhere, programs that are
// their sources with the types blanked out, and stack traces that name the lines of those sources.

import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../native/target.mjs';
import { linksOf } from './pages.mjs';
import { PACKAGES } from './pack.mjs';

/** @typedef {import('./checks.mjs').Check} Check */
/** @typedef {import('./checks.mjs').Context} Context */

/** Columns of a line; longer ones are of a file that was made small. */
const LONGEST = 500;

/**
 * @param {Context} context
 * @returns {{ name: string, folder: string, file: string, path: string }[]} every installed file of
 * the packages: package, its folder in the repository, name in the package, and where it is
 */
const filesOf = ({ all, project }) =>
  all.flatMap(({ name, files }) =>
    files.map((file) => ({
      name,
      folder: PACKAGES.find((each) => each.name === name)?.folder ?? '.',
      file,
      path: join(project.consumer, 'node_modules', name, file),
    })),
  );

/**
 * @param {string} file of a package
 * @returns {string | null} its source there; null: it is no program that is made of one
 */
const sourceOf = (file) =>
  /^dist\/.*\.js$/.test(file) && !/^dist\/headers\/|\/assets\//.test(file)
    ? file.replace(/^dist\/(.*)\.js$/, 'lib/$1.ts')
    : null;

/** @param {string} file @returns {string[]} */
const linesOf = (file) => readFileSync(file, 'utf8').split('\n');

/**
 * Whether a line is the source's with its types blanked out: what is there stands where it stands
 * in the source. Of `.ts` in an import the first letter is another one.
 * @param {string} line
 * @param {string} source
 */
function isBlanked(line, source) {
  const imported = source.replaceAll(/(['"]\.[^'"]*\.)ts(?=['"])/g, '$1js');
  return [...line].every(
    (letter, at) =>
      // A semicolon keeps what followed a type apart, and the parenthesis before a type of several
      // lines moves to the arrow.
      ' ;)'.includes(letter) || letter === imported[at] || letter === source[at],
  );
}

/** @type {Check} */
export const LINKS = {
  name: 'links of the pages',
  run: (context) => {
    const pages = filesOf(context).filter(({ file }) => file.endsWith('.md'));
    const links = pages.flatMap(({ name, file, path }) =>
      linksOf(readFileSync(path, 'utf8'), file).map((target) => ({ name, page: file, target })),
    );
    const known = new Set(filesOf(context).map(({ name, file }) => `${name}/${file}`));
    deepStrictEqual(
      links.filter(({ name, target }) => !known.has(`${name}/${target}`)),
      [],
      'they lead out of the package',
    );
    ok(links.length > 50, `only ${links.length} were found`);
    return `${links.length} in ${pages.length} pages, all to files of their package`;
  },
};

/** @type {Check} */
export const READABLE = {
  name: 'every file can be read',
  run: (context) => {
    const files = filesOf(context).filter(({ file }) => !/^prebuilds\/.*\.node$/.test(file));
    let compared = 0;
    for (const { name, folder, file, path } of files) {
      const bytes = readFileSync(path);
      ok(isUtf8(bytes) && !bytes.includes(0), `${name}/${file} is no text`);
      const text = bytes.toString();
      const lines = text.split('\n');
      const longest = Math.max(...lines.map(({ length }) => length));
      ok(file.endsWith('.md') || longest <= LONGEST, `${name}/${file} has a line of ${longest}`);
      const source = sourceOf(file);
      if (source === null) continue;
      const own = linesOf(join(root, folder, source));
      strictEqual(lines.length, own.length, `${name}/${file} has not the lines of ${source}`);
      const other = lines.findIndex((line, at) => !isBlanked(line, own[at] ?? ''));
      ok(other < 0, `${name}/${file}:${other + 1} is not the line of ${source}: ${lines[other]}`);
      compared++;
    }
    ok(compared > 100, `only ${compared} programs were compared`);
    return `${files.length} texts, ${compared} of them programs with the lines of their sources`;
  },
};

/** @type {Check} */
export const STACK_TRACE = {
  name: 'stack trace',
  run: ({ project }) => {
    /** @type {readonly string[]} */
    const stacks = project.read(['node', 'stack.mjs']);
    const frame =
      /^ +at (?:new )?(\S+) \(file:.*\/node_modules\/rseq-slice\/dist\/(.*)\.js:(\d+):(\d+)\)$/;
    const told = stacks.map((stack) => {
      const frames = stack
        .split('\n')
        .map((line) => frame.exec(line))
        .filter((found) => found !== null);
      ok(frames.length > 1, `no frames of the library are in: ${stack}`);
      frames.forEach(([whole, called = '', file, line, column], depth) => {
        const source = join(root, 'lib', `${file}.ts`);
        ok(existsSync(source), `${whole} is of no source`);
        const lines = linesOf(source);
        const rest = lines[Number(line) - 1]?.slice(Number(column) - 1) ?? '';
        // Where it was thrown, and above that, where the frame before was called.
        if (depth === 0) match(rest, /^new \w+Error\(|^throw /, whole);
        else {
          const inner = frames[depth - 1]?.[1]?.split('.').at(-1) ?? '';
          match(rest, new RegExp(`^(new )?${inner}\\b|^new `), whole);
        }
        const name = called.split('.').at(-1) ?? '';
        ok(
          lines.some((text) => new RegExp(`\\b${name}\\b`).test(text)),
          `${name} is no name of ${source}`,
        );
      });
      return frames.map(([, called, file, line]) => `${called} (${file}.ts:${line})`).join(' < ');
    });
    return told.join('; ');
  },
};
