/** Where something was measured: without what is of one machine only. */
import { expect, it } from 'vitest';
import { describeMachine, withoutPaths } from '../../../lib/bench/machine.ts';
import { version } from '../../../lib/version.ts';
import { readDocument } from '../../support/examples.ts';

it('leaves paths out of a command line', () => {
  const paths = ['--json', '--packages'];
  expect(withoutPaths(['--json', 'a', '--lock', 'spin', '--packages=b', '--rounds', '1'], paths)).toEqual(['--lock', 'spin', '--rounds', '1']);
  expect(withoutPaths(['--json', '--rounds', '1'], paths)).toEqual(['--rounds', '1']);
});

it('knows the package, Node and the time', () => {
  expect((JSON.parse(readDocument('package.json')) as { version: string }).version).toBe(version);
  expect(describeMachine('it')).toMatchObject({ version, node: process.version, command: 'it' });
  expect(Math.abs(Date.parse(describeMachine('').date) - Date.now())).toBeLessThan(10_000);
});
