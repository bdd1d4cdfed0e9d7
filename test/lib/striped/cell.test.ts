// SPDX-License-Identifier: MIT
/**
 * A cell in every order of the steps of adders and readers, where its pieces carry over: at 2^24,
 * at 2^32, with adds of one piece and of more.
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addTo, BIG, CELL_WORDS, HIGH, LOW, readCell } from '../../../lib/striped/cell.ts';
import { everyOrder } from './interleavings.ts';

const makeCell = (sum: number): Int32Array => {
  const words = new Int32Array(new SharedArrayBuffer(4 * CELL_WORDS));
  words[HIGH] = Math.floor(sum / 2 ** 24);
  words[LOW] = sum;
  return words;
};

/** How often a seed is another. */
const RUNS = { numRuns: 300, seed: Number(process.env['RSEQ_SLICE_SEED'] ?? 1) };

describe('a cell', () => {
  it('has the sum of what was added', () => {
    const amount = fc.oneof(
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 2 ** 24 - 3, max: 2 ** 24 + 3 }),
      fc.maxSafeNat().map((number) => Math.floor(number / 128)),
    );
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 100 }), fc.nat(2 ** 48), (amounts, start) => {
        const words = new Int32Array(new SharedArrayBuffer(4 * CELL_WORDS));
        let sum = 0n;
        for (const each of [start, ...amounts]) {
          addTo(words, 0, each);
          sum += BigInt(each);
          expect(readCell(words, 0)).toBe(sum);
        }
      }),
      RUNS,
    );
  });

  it('holds 2^56', () => {
    const words = makeCell(0);
    words[HIGH] = -1;
    words[LOW] = -1;
    expect(readCell(words, 0)).toBe(2n ** 56n - 1n);
  });

  it.each([
    ['no adder', 0],
    ['one adder', 1],
    ['most adders', 127],
  ])('is right when HIGH lags by %s', (_, lag) => {
    for (const sum of [2 ** 24, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 40]) {
      const words = makeCell(sum);
      if (Math.floor(sum / 2 ** 24) < lag) continue;
      words[HIGH] = (words[HIGH] ?? 0) - lag;
      expect(readCell(words, 0)).toBe(BigInt(sum));
    }
  });

  it('is read again when more went past than LOW can tell', () => {
    const words = makeCell(2 ** 24);
    const { load } = Atomics;
    let loads = 0;
    Atomics.load = ((array: Int32Array, index: number) => {
      const found = load(array, index);
      // Between the reader's first two steps.
      if (++loads === 1) for (let add = 0; add < 300; add++) addTo(words, 0, 2 ** 24 - 1);
      return found;
    }) as typeof Atomics.load;
    try {
      expect(readCell(words, 0)).toBe(2n ** 24n + 300n * (2n ** 24n - 1n));
      expect(loads).toBe(7);
    } finally {
      Atomics.load = load;
    }
  });

  it.each([
    ['2^24', 2 ** 24 - 1, [1, 1], 1],
    ['2^24, by three', 2 ** 24 - 2, [1, 1, 1], 1],
    ['2^32', 2 ** 32 - 1, [1, 1], 1],
    ['2^32, by whole pieces', 2 ** 32 - 5, [2 ** 24 - 1, 2 ** 24 - 1], 1],
    ['2^24, by more than a piece', 2 ** 24 - 1, [2 ** 24 + 1, 2], 1],
    ['2^24, read twice', 2 ** 24 - 1, [1, 1], 2],
  ])('is exact and never goes back in every order near %s', (_, start, amounts, reads) => {
    const words = makeCell(start);
    const [first] = [readCell(words, 0)];
    const total = BigInt(start) + amounts.reduce((sum, each) => sum + BigInt(each), 0n);
    const possible = new Set<bigint>();
    // Any of them may be there or not, and of one that is larger than a piece the larger part.
    const parts = amounts.flatMap((each) =>
      each < 2 ** 24 ? [each] : [Math.floor(each / 2 ** 24) * 2 ** 24, each % 2 ** 24],
    );
    for (let subset = 0; subset < 2 ** parts.length; subset++)
      possible.add(
        BigInt(start) +
          parts.reduce((sum, each, at) => ((subset >> at) & 1 ? sum + BigInt(each) : sum), 0n),
      );
    const adders = amounts.map((amount) => ({
      run: (): bigint[] => {
        addTo(words, 0, amount);
        return [];
      },
    }));
    const reader = {
      run: () => Array.from({ length: reads }, () => readCell(words, 0)),
    };
    const orders = everyOrder(words, [...adders, reader], (ended) => {
      const seen = [first, ...ended.flatMap(({ result }) => result)];
      for (const [index, sum] of seen.entries()) {
        expect(possible).toContain(sum);
        if (index > 0) expect(sum >= (seen[index - 1] ?? 0n)).toBe(true);
      }
      const { actor } = ended.at(-1) ?? { actor: -1 };
      expect(readCell(words, 0)).toBe(total);
      // A reader that began when all were done; it may have begun earlier.
      if (actor === amounts.length) expect(seen.at(-1)).toBeLessThanOrEqual(total);
    });
    expect(orders).toBeGreaterThan(10);
    expect([words[BIG]]).toEqual([0]);
  });
});
