// SPDX-License-Identifier: MIT
/** The kernel's counters: how they are read, and what is made of two readings. */
import { expect, it } from 'vitest';
import {
  countedBetween,
  parseKernelCounters,
} from '../../../../packages/tools/lib/trace/kernel/counters.ts';

/** As a kernel prints them, with others before. */
const text = (counters: readonly number[]): string =>
  [
    ['exit', 6066],
    ...['sgrant', 'sexpir', 'srevok', 'syield', 'sabort'].map((name, index) => [
      name,
      counters[index],
    ]),
  ]
    .map(([name, value]) => `${String(name)}:${String(value).padStart(19)}\n`)
    .join('');

it('are read by their names', () => {
  expect(parseKernelCounters(text([13, 6, 5, 7, 1]))).toEqual({
    granted: 13,
    expired: 6,
    revoked: 5,
    yielded: 7,
    aborted: 1,
  });
});

it.each(['', 'sgrant: 1\n', text([1, 2, 3, 4, 5]).replace('sexpir', 'other')])(
  'are not made up: %j',
  (without) => {
    expect(parseKernelCounters(without)).toBeNull();
  },
);

it('are of the time between two readings, where there are two', () => {
  const [before, after] = [
    parseKernelCounters(text([10, 1, 2, 3, 4])),
    parseKernelCounters(text([20, 3, 5, 7, 9])),
  ];
  expect(countedBetween(before, after)).toEqual({
    granted: 10,
    expired: 2,
    revoked: 3,
    yielded: 4,
    aborted: 5,
  });
  expect(countedBetween(before, null)).toBeNull();
  expect(countedBetween(null, after)).toBeNull();
});
