// SPDX-License-Identifier: MIT
/**
 * What is printed about the sources and can be looked at: who imports whom, as docs/architecture.md
 * has it, that lines fit into 100 columns, and that comments name files which are there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  circlesIn,
  commentsOf,
  computedImports,
  importsOf,
  packagesOf,
  readRooms,
  roomOf,
  staleNames,
  wideLines,
  wrongImports,
} from '../support/house.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const library = files.filter((path) => /^lib\/.*\.ts$/.test(path));
const imports = new Map(library.map((path) => [path, importsOf(path, read(path))]));

describe('the rooms of the library', () => {
  const rooms = readRooms(read('docs/architecture.md'));

  it('are all in the table, from the bottom to the top', () => {
    expect([...new Set(library.map(roomOf))].toSorted()).toEqual([...rooms.keys()].toSorted());
    const order = [...rooms.keys()];
    for (const [room, may] of rooms)
      for (const other of may)
        expect(order.indexOf(other), `${room} may import ${other}`).toBeLessThan(
          order.indexOf(room),
        );
  });

  it('import what the table says', () => {
    expect(wrongImports(imports, rooms)).toEqual([]);
  });

  it('are allowed nothing that they do not use', () => {
    for (const [room, may] of rooms) {
      const used = [...imports]
        .filter(([path]) => roomOf(path) === room)
        .flatMap(([, targets]) => targets.map(roomOf));
      expect(
        may.filter((other) => !used.includes(other)),
        room,
      ).toEqual([]);
    }
  });

  it('have no circles, of types alone neither', () => {
    expect(circlesIn(imports)).toEqual([]);
  });

  it('load the addon in one place', () => {
    const loaders = library.filter((path) => /\bloadAddon\(/.test(read(path)));
    expect(loaders).toEqual(['lib/host/current.ts', 'lib/host/linux/binding.ts']);
  });
});

describe('the packages', () => {
  it('have no circles either', () => {
    const sources = files.filter((path) =>
      /^packages\/[\w-]+\/(?:lib|matrix)\/.*\.m?[jt]s$/.test(path),
    );
    expect(sources.length).toBeGreaterThan(80);
    expect(circlesIn(new Map(sources.map((path) => [path, importsOf(path, read(path))])))).toEqual(
      [],
    );
  });

  it('reach the library by its name', () => {
    const wrong = files
      .filter((path) => /^packages\/tools\/lib\/.*\.ts$/.test(path))
      .flatMap((path) => importsOf(path, read(path)).map((target) => [path, target] as const))
      .filter(([, target]) => !target.startsWith('packages/tools/'));
    expect(wrong).toEqual([]);
  });

  it('of guests know nothing of the library', () => {
    const wrong = files
      .filter((path) => /^packages\/vm\/lib\/.*\.mjs$/.test(path))
      .flatMap((path) => importsOf(path, read(path)).map((target) => [path, target] as const))
      .filter(([, target]) => !target.startsWith('packages/vm/lib/'));
    expect(wrong).toEqual([]);
  });
});

describe('what is installed', () => {
  const PUBLISHED = [
    { folder: '.', sources: /^lib\/.*\.ts$/ },
    { folder: 'packages/tools', sources: /^packages\/tools\/lib\/.*\.ts$/ },
    { folder: 'packages/vm', sources: /^packages\/vm\/lib\/.*\.mjs$/ },
  ];

  it.each(PUBLISHED)(
    'imports the packages that $folder/package.json names',
    ({ folder, sources }) => {
      const { dependencies = {}, peerDependencies = {} } = JSON.parse(
        read(`${folder}/package.json`),
      ) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
      const declared = Object.keys({ ...dependencies, ...peerDependencies });
      const found = files
        .filter((path) => sources.test(path))
        .flatMap((path) => packagesOf(read(path)).map((name) => [path, name] as const));
      expect(found.filter(([, name]) => !declared.includes(name))).toEqual([]);
    },
  );

  it('imports by names that stand there, but for what users name or have installed', () => {
    const computed = files
      .filter((path) => PUBLISHED.some(({ sources }) => sources.test(path)))
      .filter((path) => computedImports(path, read(path)) > 0);
    expect(computed).toEqual([
      'lib/cli/build.ts',
      'lib/cli/packages.ts',
      'packages/tools/lib/bench/locks/kinds.ts',
    ]);
  });
});

const SOURCE = /\.(?:[cm]?[jt]s|cc?|h|sh|css|yml)$|CMakeLists\.txt$|^\.ci\/run$/;
/** Headers in the shapes of other projects are as those have them. */
const MADE = /^test\/fixtures\/shapes\//;

it('has lines of at most 100 columns', () => {
  const wide = files
    .filter((path) => SOURCE.test(path) && !MADE.test(path))
    .flatMap((path) => wideLines(path, read(path)).map((line) => `${path}:${line}`));
  expect(wide).toEqual([]);
});

it('names in its comments files that are there', () => {
  const known = new Set(files.flatMap((path) => [path, basename(path)]));
  const stale = files
    .filter((path) => /\.(?:ts|mjs|c|cc|h|sh)$/.test(path))
    .flatMap((path) => {
      const isThere = (name: string) => known.has(name) || isBelow(dirname(path), name);
      const text = read(path);
      // To look for the comments takes long, and few files name anything that is not there.
      if (staleNames(text, isThere).length === 0) return [];
      return commentsOf(path, text)
        .flatMap((comment) => staleNames(comment, isThere))
        .map((name) => `${path}: ${name}`);
    });
  expect(stale).toEqual([]);
});

/** Relative to the file, or to one of the folders that names in comments begin at. */
function isBelow(folder: string, name: string): boolean {
  const bases = [folder, '', 'lib', 'native', 'native/src', 'native/include', 'test', 'packages'];
  return bases.some((base) => existsSync(join(root, base, name)));
}

describe('is noticed', () => {
  const rooms = new Map([
    ['low', []],
    ['high', ['low']],
  ]);

  it('an arrow upward', () => {
    const planted = new Map([
      ['lib/low/a.ts', ['lib/high/b.ts']],
      ['lib/high/b.ts', ['lib/low/c.ts']],
    ]);
    expect(wrongImports(planted, rooms)).toEqual(['lib/low/a.ts imports lib/high/b.ts']);
  });

  it('a circle of types', () => {
    const texts = {
      'lib/low/a.ts': "import type { B } from './b.ts';",
      'lib/low/b.ts': "export type { A } from './a.ts';",
    };
    const planted = new Map(
      Object.entries(texts).map(([path, text]) => [path, importsOf(path, text)]),
    );
    expect(circlesIn(planted)).toEqual(['lib/low/a.ts > lib/low/b.ts > lib/low/a.ts']);
  });

  it('a circle of types in comments', () => {
    const texts = {
      'lib/a.mjs': "import { b } from './b.mjs';",
      'lib/b.mjs': "/** @param {import('./a.mjs').A} a */\nexport const b = (a) => a;",
    };
    const planted = new Map(
      Object.entries(texts).map(([path, text]) => [path, importsOf(path, text)]),
    );
    expect(circlesIn(planted)).toEqual(['lib/a.mjs > lib/b.mjs > lib/a.mjs']);
  });

  it('a package by its name, and a name that is put together', () => {
    const text = [
      "import fs from 'node:fs';",
      "export type { A } from '@scope/name/file';",
      "export * from 'other/internal';",
      "await import('./b.ts');",
      'await import(`./${fs}.ts`);',
    ].join('\n');
    expect(packagesOf(text)).toEqual(['@scope/name', 'other']);
    expect(computedImports('lib/low/a.ts', text)).toBe(1);
  });

  it('a wide line, unless it is a string that makes it so', () => {
    const long = 'x'.repeat(101);
    expect(wideLines('a.ts', `// ${long}\nconst a = '${long}';\nconst ${long} = 1;\n`)).toEqual([
      1, 3,
    ]);
    expect(wideLines('a.c', `/* ${long} */\n`)).toEqual([1]);
    expect(wideLines('a.sh', `echo ${long}\n`)).toEqual([1]);
  });

  it('a file that is not there', () => {
    const text = [
      '// See `gone.ts`, lib/thread.ts and ../a/b.mjs, not a.b, file.txt or kernel/rseq.c.',
      '/** See src/gone.c and gone.h. */',
      'const a = "other.ts";',
    ].join('\n');
    expect(commentsOf('a.ts', text).flatMap((each) => staleNames(each, () => false))).toEqual([
      'gone.ts',
      'lib/thread.ts',
      '../a/b.mjs',
      'src/gone.c',
      'gone.h',
    ]);
  });
});
