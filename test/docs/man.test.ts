// SPDX-License-Identifier: MIT
/**
 * `rseq_slice(3)` and `rseq_percpu(3)` are held against the headers they describe, their examples
 * are compiled, and their markup is checked.
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
const readManual = (name: string): string =>
  readFileSync(join(root, 'native/man', `${name}.3`), 'utf8');
const manual = readManual('rseq_slice');
const perCpu = readManual('rseq_percpu');
const paths = ['rseq_slice', 'rseq_percpu'].map((name) => join(root, 'native/man', `${name}.3`));

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
    /^(static inline )?((?:const )?(?:struct |enum |unsigned )?\w+(?:[\s*]|\bconst\b)+)((?:rseq_slice|rseq_percpu)_\w+)\(((?:[^()]|\((?:[^()])*\))*)\)\s*[;{]/gm;
  return new Map(
    [...text.matchAll(declaration)].map(([, inline, type = '', name = '', parameters = '']) => [
      name,
      { prototype: spaced(`${type} ${name}(${parameters})`), inline: inline !== undefined },
    ]),
  );
}

/** The same of the synopsis. */
function readSynopsis(text = manual): ReadonlyMap<string, string> {
  const synopsis = text.slice(text.indexOf('.Sh SYNOPSIS'), text.indexOf('.Sh DESCRIPTION'));
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

/** What the header's own functions are made of. */
const INNER = /_(?:at|find_area|atomic_stripe|lock|unlock)$/;

it('has every function of per-CPU data as the header has it, and no other', () => {
  const declared = [...readHeader('rseq_slice/rseq_percpu.h')].filter(
    ([name]) => !INNER.test(name),
  );
  expect(declared.length).toBeGreaterThan(10);
  expect(Object.fromEntries(readSynopsis(perCpu))).toEqual(
    Object.fromEntries(declared.map(([name, { prototype }]) => [name, prototype])),
  );
});

it.each([manual, perCpu])('describes every function of its synopsis', (page) => {
  const text = page.slice(page.indexOf('.Sh DESCRIPTION'));
  for (const name of readSynopsis(page).keys())
    expect(text, name).toMatch(new RegExp(`^\\.Fn ${name}\\b`, 'm'));
});

it('has every struct and macro in the synopsis of per-CPU data that its text or its functions name', () => {
  const [, synopsis = '', text = ''] = perCpu.split(/^\.Sh (?:SYNOPSIS|DESCRIPTION)$/m);
  const declared = synopsis.match(/^\.(?:Vt|Fd) .*$/gm)?.join('\n') ?? '';
  const names = [...`${synopsis}${text}`.matchAll(/\b(?:struct rseq_percpu|RSEQ_PERCPU)_\w+/g)];
  expect(names.length).toBeGreaterThan(10);
  for (const [name] of names) expect(declared).toContain(name);
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

const EXAMPLES = [
  {
    name: 'rseq_slice',
    uses: 'rseq_slice_enter_section',
    around: `#include <rseq_slice/node.h>
#include <rseq_slice/slice.h>
struct work { const struct rseq_slice_api *api; };
int have_more(struct work *work);
void lock(struct work *work), change(struct work *work), unlock(struct work *work);
void execute(napi_env env, void *data);
`,
  },
  {
    name: 'rseq_percpu',
    uses: 'rseq_percpu_add',
    around: `#include <rseq_slice/rseq_percpu.h>
int begin(const struct rseq_slice_api *api);
void count(void);
int64_t read_count(void);
`,
  },
];

it.for(EXAMPLES)('has an example that compiles: $name(3)', ({ name, uses, around }, context) => {
  if (!isThere(['cc'])) {
    console.log(`the example of ${name}(3): skipped: there is no C compiler`);
    context.skip('there is no C compiler');
  }
  const example =
    /^\.Sh EXAMPLES$[^]*?^\.Bd [^\n]*\n([^]*?)^\.Ed$/m
      .exec(readManual(name))?.[1]
      ?.replaceAll('\\e', '\\')
      .replaceAll('\\&', '') ?? '';
  expect(example).toContain(uses);
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
  const { error, status, stdout, stderr } = spawnSync(command, [...args, ...paths], {
    encoding: 'utf8',
  });
  if (error !== undefined) {
    console.log(`the manual pages with ${command}: skipped: ${error.message}`);
    context.skip(error.message);
  }
  // Debian may have groff without its macros for manuals.
  if (/can't (open|find) macro file|cannot open macro file/.test(stderr))
    context.skip(stderr.trim());
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});
