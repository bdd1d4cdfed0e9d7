// SPDX-License-Identifier: MIT
/**
 * docs/api.md lists what there is; and what can be imported is as api/ says. That it is documented
 * is a long test.
 */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { Outcome } from '../../lib/index.ts';
import { REASONS } from '../../lib/host/linux/status.ts';
import { Thread } from '../../lib/sections/thread.ts';
import { readDocument, root } from '../support/examples.ts';

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

it('has a public surface that is the one of its reports', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/api.mjs'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});
