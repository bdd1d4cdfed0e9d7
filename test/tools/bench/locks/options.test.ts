// SPDX-License-Identifier: MIT
/** The options of the benchmark of locks: what they mean, and what is refused. */
import { describe, expect, it } from 'vitest';
import { readLocksOptions } from '../../../../packages/tools/lib/bench/locks/options.ts';
import { UsageError } from '../../../../lib/cli/command.ts';

const KINDS = ['mutex', 'spin', 'padlock'];
const GIVEN = {
  workers: '1,2,2',
  section: '0.2,5',
  gap: undefined,
  lock: 'mutex',
  slices: 'on,off',
  workload: 'lru',
  rounds: '5',
  seconds: '0.5',
  warm: '0',
  sample: '8',
  count: '1',
};

describe('options of locks', () => {
  it('are lists of numbers and names, each once', () => {
    expect(readLocksOptions(GIVEN, KINDS)).toEqual({
      workers: [1, 2],
      sections: [0.2, 5],
      gaps: null,
      locks: ['mutex'],
      slices: ['on', 'off'],
      workload: 'lru',
      rounds: 5,
      seconds: 0.5,
      warm: 0,
      sample: 8,
      count: 1,
    });
    expect(readLocksOptions({ ...GIVEN, lock: 'all', gap: '0' }, KINDS)).toMatchObject({
      locks: KINDS,
      gaps: [0],
    });
  });

  it('may be numbers already', () => {
    expect(readLocksOptions({ ...GIVEN, workers: 3, seconds: 2 }, KINDS)).toMatchObject({
      workers: [3],
      seconds: 2,
    });
  });

  it.each([
    ['workers', '0', /whole numbers from 1 to 64/],
    ['workers', '2,', /not ''/],
    ['workers', '1.5', /whole/],
    ['section', '0', /above 0/],
    ['section', 'short', /numbers/],
    ['gap', '-1', /from 0/],
    ['lock', 'mutex,deadbolt', /one of mutex.*not 'deadbolt'/],
    ['slices', 'maybe', /one of on, off/],
    ['workload', 'loop,lru', /not 'loop,lru'/],
    ['rounds', '0', /from 1/],
    ['seconds', '0', /above 0/],
    ['sample', '0', /from 1/],
    ['count', '-1', /whole numbers from 0/],
  ])('refuse --%s %s', (name, value, complaint) => {
    const read = () => readLocksOptions({ ...GIVEN, [name]: value }, KINDS);
    expect(read).toThrow(complaint);
    expect(read).toThrow(UsageError);
  });
});
