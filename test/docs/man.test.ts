// SPDX-License-Identifier: MIT
/**
 * `rseq_slice(3)` is held against the headers it describes, its example is compiled, and its markup
 * is checked.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { nodeHeaders } from '../../scripts/native/target.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const include = join(root, 'native/include');
const path = join(root, 'native/man/rseq_slice.3');
const manual = readFileSync(path, 'utf8');
const synopsis = manual.slice(manual.indexOf('.Sh SYNOPSIS'), manual.indexOf('.Sh DESCRIPTION'));

/** A declaration in one form of writing. */
const spaced = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),*]) ?/g, ' $1 ')
    .replace(/ +/g, ' ')
    .trim();

/** The functions that a header declares or defines: their names, and what they look like. */
function readHeader(
  file: string,
): ReadonlyMap<string, { readonly prototype: string; readonly inline: boolean }> {
  const text = readFileSync(join(include, file), 'utf8').replace(/\/\*[^]*?\*\//g, '');
  const declaration =
    /^(static inline )?((?:const )?(?:struct |enum )?\w+[\s*]+)(rseq_slice_\w+)\(((?:[^()]|\((?:[^()])*\))*)\)\s*[;{]/gm;
  return new Map(
    [...text.matchAll(declaration)].map(([, inline, type = '', name = '', parameters = '']) => [
      name,
      { prototype: spaced(`${type} ${name}(${parameters})`), inline: inline !== undefined },
    ]),
  );
}

/** The same of the synopsis. */
function readSynopsis(): ReadonlyMap<string, string> {
  const functions = synopsis.matchAll(/^\.Ft (.+)\n\.Fn (\w+) (.+)$/gm);
  return new Map(
    [...functions].map(([, type = '', name = '', parameters = '']) => {
      const list =
        parameters === 'void'
          ? ['void']
          : [...parameters.matchAll(/"([^"]+)"/g)].map(([, parameter]) => parameter);
      return [name, spaced(`${type.replaceAll('"', '')} ${name}(${list.join(', ')})`)];
    }),
  );
}

const header = readHeader('rseq_slice/slice.h');
const glue = readHeader('rseq_slice/node.h');

it('has every public function as the headers have it, and no other', () => {
  const declared = Object.fromEntries(
    [...header, ...glue].map(([name, { prototype }]) => [name, prototype]),
  );
  expect(Object.keys(declared).length).toBeGreaterThan(20);
  expect(Object.fromEntries(readSynopsis())).toEqual(declared);
});

it('describes every function of its synopsis', () => {
  const text = manual.slice(manual.indexOf('.Sh DESCRIPTION'));
  for (const name of readSynopsis().keys())
    expect(text, name).toMatch(new RegExp(`^\\.Fn ${name}\\b`, 'm'));
});

it('has every function that is not inline in the table', () => {
  const text = readFileSync(join(include, 'rseq_slice/slice.h'), 'utf8');
  const table = /struct rseq_slice_api \{([^]*?)\n\};/.exec(text)?.[1] ?? '';
  const members = [...table.matchAll(/\(\*(\w+)\)\(/g)].map(
    ([, name]) => `rseq_slice_${name ?? ''}`,
  );
  const functions = [...header]
    .filter(([name, { inline }]) => !inline && name !== 'rseq_slice_get_api')
    .map(([name]) => name);
  expect(members.toSorted()).toEqual(functions.toSorted());
});

it('names every outcome, policy, ABI version and step', () => {
  const text = readFileSync(join(include, 'rseq_slice/slice.h'), 'utf8');
  const names = [...text.matchAll(/^\t(RSEQ_SLICE_\w+) = \d+,/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(20);
  const missing = names.filter(
    (name) => name !== 'RSEQ_SLICE_STEP_NONE' && !new RegExp(`\\b${name}\\b`).test(manual),
  );
  expect(missing).toEqual([]);
});

it('has an example that compiles', (context) => {
  if (!isThere(['cc'])) {
    console.log('the example of rseq_slice(3): skipped: there is no C compiler');
    context.skip('there is no C compiler');
  }
  const example =
    /^\.Sh EXAMPLES$[^]*?^\.Bd [^\n]*\n([^]*?)^\.Ed$/m
      .exec(manual)?.[1]
      ?.replaceAll('\\e', '\\')
      .replaceAll('\\&', '') ?? '';
  expect(example).toContain('rseq_slice_enter_section');
  const around = `#include <rseq_slice/node.h>
#include <rseq_slice/slice.h>
struct work { const struct rseq_slice_api *api; };
int have_more(struct work *work);
void lock(struct work *work), change(struct work *work), unlock(struct work *work);
void execute(napi_env env, void *data);
`;
  const flags = [
    '-std=c11',
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
    '-Werror',
    '-fsyntax-only',
    '-isystem',
    nodeHeaders(),
    '-I',
    include,
  ];
  const source = around + example.replace('static void execute', 'void execute');
  const { status, stderr } = spawnSync('cc', [...flags, '-x', 'c', '-'], {
    encoding: 'utf8',
    input: source,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

it.for([
  ['mandoc', '-Tlint', '-Wwarning'],
  ['groff', '-mdoc', '-ww', '-z'],
  ['groff', '-man', '-ww', '-z'],
])('is faultless to %s %s', ([command = '', ...args], context) => {
  // Not isThere(): mandoc has no --version.
  const { error, status, stdout, stderr } = spawnSync(command, [...args, path], {
    encoding: 'utf8',
  });
  if (error !== undefined) {
    console.log(`rseq_slice(3) with ${command}: skipped: ${error.message}`);
    context.skip(error.message);
  }
  // Debian may have groff without its macros for manuals.
  if (/can't (open|find) macro file|cannot open macro file/.test(stderr))
    context.skip(stderr.trim());
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});
