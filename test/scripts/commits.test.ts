// SPDX-License-Identifier: MIT
/**
 * The newest commit has the form that docs/style.md prints: a short subject, and a body that is
 * there. What a body says is for people to judge.
 */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from '../support/examples.ts';

const LONGEST = 72;

/** What is wrong with a message; nothing: []. */
function complainOf(message: string): readonly string[] {
  const [subject = '', blank = '', ...body] = message.trimEnd().split('\n');
  return [
    ...(subject.length > LONGEST ? [`the subject has ${subject.length} columns`] : []),
    ...(/[.;]$|; /.test(subject) ? ['the subject is more than one sentence, or ends one'] : []),
    ...(/^[A-Z]/.test(subject) ? [] : ['the subject begins with a small letter']),
    ...(blank === '' && body.join('').trim() !== '' ? [] : ['there is no body that says why']),
    ...(body.some((line) => line.length > LONGEST && line.includes(' '))
      ? ['a line of the body is too long']
      : []),
  ];
}

it('is held by the newest commit', (context) => {
  const command = ['log', '-1', '--no-merges', '--format=%B'];
  const { status, stdout } = spawnSync('git', command, { cwd: root, encoding: 'utf8' });
  if (status !== 0 || stdout.trim() === '') context.skip('there is no history here');
  expect(complainOf(stdout), stdout).toEqual([]);
});

it.each([
  ['Say why\n\nBecause.\n', []],
  ['Say why\n', ['there is no body that says why']],
  ['Say why\nBecause.\n', ['there is no body that says why']],
  ['say why.\n\nBecause.\n', [expect.stringMatching(/sentence/), expect.stringMatching(/small/)]],
  [`Say ${'why '.repeat(20)}\n\nBecause.\n`, [expect.stringMatching(/columns/)]],
  [`Say why\n\n${'why '.repeat(20)}\n`, [expect.stringMatching(/body is too long/)]],
])('knows %j', (message, complaints) => {
  expect(complainOf(message)).toEqual(complaints);
});
