// SPDX-License-Identifier: MIT
/** Where something was measured: without what is of one machine only. */
import { expect, it } from 'vitest';
import {
  cautionsAbout,
  describeMachine,
  newsOf,
  withoutPaths,
} from '../../../packages/tools/lib/bench/machine.ts';
import { version } from '../../../lib/version.ts';
import { readDocument } from '../../support/examples.ts';

it('leaves paths out of a command line', () => {
  const paths = ['--json', '--packages'];
  expect(
    withoutPaths(['--json', 'a', '--lock', 'spin', '--packages=b', '--rounds', '1'], paths),
  ).toEqual(['--lock', 'spin', '--rounds', '1']);
  expect(withoutPaths(['--json', '--rounds', '1'], paths)).toEqual(['--rounds', '1']);
});

it('knows the package, Node and the time', () => {
  expect((JSON.parse(readDocument('package.json')) as { version: string }).version).toBe(version);
  expect(describeMachine('it')).toMatchObject({ version, node: process.version, command: 'it' });
  expect(Math.abs(Date.parse(describeMachine('').date) - Date.now())).toBeLessThan(10_000);
});

it('warns of a loaded machine and of a guest, by what the record says', () => {
  const quiet = { guest: false, hypervisor: null, emulated: false, load: 1 };
  expect(cautionsAbout(quiet, 2)).toEqual([]);
  expect(cautionsAbout({ ...quiet, load: 3.14 }, 2)).toEqual([
    expect.stringMatching(/^The machine was loaded when this began \(load 3\.1 on 2 CPUs\)/),
  ]);
  expect(cautionsAbout({ ...quiet, guest: true, emulated: true }, 2)).toEqual([
    expect.stringMatching(/emulated/),
  ]);
});

it('says nothing twice', () => {
  const said = new Set<string>();
  expect(newsOf(['a', 'b'], said)).toEqual(['a', 'b']);
  expect(newsOf(['b', 'c'], said)).toEqual(['c']);
});
