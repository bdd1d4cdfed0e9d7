// SPDX-License-Identifier: MIT
/**
 * How a table of cases that is too long for `npm test` is divided: some of its rows are tested
 * there, and all others by `npm run test:long`, whatever is added to the table. The file with the
 * table is run as it is in the first suite; in the second it is imported by the `*.long.test.ts` of
 * the same name.
 */
import { expect } from 'vitest';

/** Whether the tests that are being collected are those of `npm run test:long`. */
export const isLong: boolean = /\.long\.test\.ts$/.test(expect.getState().testPath ?? '');

interface Share {
  readonly every: number;
  /** The index of one of the rows. Default: 0. */
  readonly first?: number;
}

/**
 * Every n-th row of a table, counted from one of them on, for `npm test`; the other rows for `npm
 * run test:long`.
 */
export function share<Row>(rows: readonly Row[], { every, first = 0 }: Share): readonly Row[] {
  return rows.filter((_, index) => (index % every === first % every) !== isLong);
}
