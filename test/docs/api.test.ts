// SPDX-License-Identifier: MIT
/**
 * docs/api.md lists what there is; and what can be imported is as api/ says, which holds also for
 * changes that were planted, most of them in the long suite. That it is documented is a long test.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import { REASONS } from '../../lib/host/status.ts';
import { Thread } from '../../lib/sections/thread.ts';
import { readDocument, root } from '../support/examples.ts';
import { share } from '../support/share.ts';

const document = readDocument('docs/api.md');

/** Names in backquotes in the first column of the tables of a text. */
const named = (text: string) =>
  [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name),
  );

it('names every outcome', () => {
  expect(named(document)).toEqual(expect.arrayContaining(Object.keys(Outcome)));
});

it('names every method and property of a thread', () => {
  const source = readDocument('lib/sections/thread.ts');
  const isPublic = (name: string) =>
    name !== 'constructor' &&
    !new RegExp(`@internal (?:[^*]|\\*(?!/))*\\*/\\s+${name}\\(`).test(source);
  const members = Object.getOwnPropertyNames(Thread.prototype).filter(isPublic);
  expect(members).toContain('enter');
  expect(members).not.toContain('pause');
  expect(named(document)).toEqual(expect.arrayContaining(members));
});

it('names every reason that probe() gives', () => {
  for (const reason of REASONS) expect(document).toContain(`\`${reason}\``);
});

it('names every error code there is in the sources', () => {
  const declared = readDocument('lib/errors.ts').match(/ERR_RSEQ_\w+/g) ?? [];
  expect(declared.length).toBeGreaterThan(5);
  for (const code of declared) expect(document).toContain(`\`${code}\``);
});

const compare = (checkout: string) =>
  spawnSync(process.execPath, ['scripts/api.mjs'], { cwd: checkout, encoding: 'utf8' });

it('has a public surface that is the one of its reports', () => {
  const { status, stdout, stderr } = compare(root);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});

/** What the comparison needs of a checkout. */
const COMPARED = [
  'api',
  'dist',
  'lib',
  'package.json',
  'packages/vm/lib/refuse-usage.mjs',
  'scripts/api.mjs',
  'scripts/read-flags.mjs',
  'tsconfig.build.json',
  'tsconfig.json',
];

const RW_LOCK = 'dist/locks/rw-lock.d.ts';
const DIFFERS = /^api\/rseq-slice\.api\.md is not what dist\/ declares\./m;

const PLANTED: readonly (readonly [
  what: string,
  file: string,
  before: string,
  after: string,
  told: RegExp,
])[] = [
  ['a renamed method', RW_LOCK, '    tryReadLock(', '    attemptReadLock(', DIFFERS],
  [
    'a changed signature',
    RW_LOCK,
    '    readLock(options?: LockOptions)',
    '    readLock(options: LockOptions)',
    DIFFERS,
  ],
  [
    'a method that options inherit',
    'dist/locks/options.d.ts',
    'export interface LockOptions {',
    'export interface LockOptions {\n    planted(): void;',
    DIFFERS,
  ],
  [
    'a method that a class inherits from one that cannot be imported',
    RW_LOCK,
    'export declare class RwLock {',
    'declare class Base { planted(): void; }\nexport declare class RwLock extends Base {',
    /ae-forgotten-export\) The symbol "Base" needs to be exported/,
  ],
];

it.each(share(PLANTED, { every: PLANTED.length }))('notices %s', (_, file, before, after, told) => {
  const checkout = mkdtempSync(join(tmpdir(), 'rseq-slice-api-test-'));
  try {
    for (const path of COMPARED)
      cpSync(join(root, path), join(checkout, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
    const text = readFileSync(join(checkout, file), 'utf8');
    expect(text.split(before)).toHaveLength(2);
    writeFileSync(join(checkout, file), text.replace(before, after));
    const { status, stderr } = compare(checkout);
    expect(stderr).toMatch(told);
    expect(status).toBe(1);
  } finally {
    rmSync(checkout, { recursive: true, force: true });
  }
});
