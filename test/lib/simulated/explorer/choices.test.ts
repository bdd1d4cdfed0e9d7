// SPDX-License-Identifier: MIT
/**
 * Choosers: the same for the same seed, all there are, and a line that makes the same run again.
 *
 * @portable
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exploreChoices,
  formatChoices,
  parseChoices,
  priorityBased,
  Recorder,
  replayed,
  seeded,
  undisturbed,
} from '../../../../lib/simulated/explorer/choices.ts';
import type { Chooser } from '../../../../lib/simulated/explorer/choices.ts';

const pickMany = (chooser: Chooser, bounds: readonly number[]) =>
  bounds.map((bound) => chooser.pick(bound, ''));
const bounds = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 200 });

describe.each([
  ['seeded', (seed: number) => seeded(seed)],
  ['priorityBased', (seed: number) => priorityBased(seed, { depth: 3, length: 50 })],
])('%s', (_, create) => {
  it('gives the same for the same seed, within the bounds', () => {
    fc.assert(
      fc.property(fc.integer(), bounds, (seed, given) => {
        const choices = pickMany(create(seed), given);
        expect(pickMany(create(seed), given)).toEqual(choices);
        choices.forEach((choice, index) => {
          expect(choice).toBeGreaterThanOrEqual(0);
          expect(choice).toBeLessThan(given[index] ?? 0);
        });
      }),
    );
  });

  it('gives something else for another seed', () => {
    const given = Array.from({ length: 50 }, () => 4);
    const runs = new Set(
      Array.from({ length: 20 }, (_unused, seed) => pickMany(create(seed), given).join()),
    );
    expect(runs.size).toBe(20);
  });
});

it('disturbs as often as it is told', () => {
  const given = Array.from({ length: 10_000 }, () => 5);
  const disturbed = (chooser: Chooser) =>
    pickMany(chooser, given).filter((choice) => choice > 0).length;
  expect(disturbed(seeded(1, 0))).toBe(0);
  expect(disturbed(seeded(1, 1))).toBe(10_000);
  // Five standard deviations around 1,000.
  expect(Math.abs(disturbed(seeded(1, 0.1)) - 1000)).toBeLessThan(150);
  expect(disturbed(priorityBased(7, { depth: 3, length: 10_000 }))).toBe(3);
  expect(disturbed(undisturbed)).toBe(0);
});

it('writes choices so that they read back', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 })), (choices) => {
      const text = formatChoices(choices);
      const read = parseChoices(text);
      // Zeroes at the end go without saying.
      expect([...read, ...choices.slice(read.length)]).toEqual(choices);
      expect(choices.slice(read.length).every((choice) => choice === 0)).toBe(true);
      expect(formatChoices(read)).toBe(text);
    }),
  );
  expect(formatChoices([0, 0, 0, 2, 0, 1, 0])).toBe('0*3 2 0 1');
  expect(formatChoices([])).toBe('');
});

it.each(['x', '-1', '1.5', '0*', '0*x', '0 * 3', '*3', '9999999999'])(
  "refuses '%s' as choices",
  (text) => {
    expect(() => parseChoices(text)).toThrow(
      expect.objectContaining({ code: 'ERR_RSEQ_INVALID_OPTION' }) as Error,
    );
  },
);

it('replays a list, then zeroes, each within its bound', () => {
  expect(pickMany(replayed([1, 7, 2]), [3, 4, 3, 5, 1])).toEqual([1, 3, 2, 0, 0]);
  expect(pickMany(replayed('0*2 1'), [2, 2, 2, 2])).toEqual([0, 0, 1, 0]);
});

it('records what another chooser answers', () => {
  const recorder = new Recorder(seeded(5, 1));
  const given = [3, 4, 5, 6];
  const choices = pickMany(recorder, given);
  expect(recorder.choices).toEqual(choices);
  expect(pickMany(replayed(recorder.choices), given)).toEqual(choices);
});

describe('exploreChoices', () => {
  it('makes every list exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 }), (given) => {
        const runs: string[] = [];
        const report = exploreChoices(
          (chooser) => {
            runs.push(pickMany(chooser, given).join());
          },
          { disturbances: 5 },
        );
        expect(report).toMatchObject({ coverage: 'exhausted', failure: null });
        expect(new Set(runs).size).toBe(given.reduce((product, bound) => product * bound, 1));
      }),
    );
  });

  it('goes by the number of disturbances', () => {
    const counts: number[] = [];
    const run = (chooser: Chooser) => {
      counts.push(pickMany(chooser, [3, 3, 3]).filter((choice) => choice > 0).length);
    };
    const report = exploreChoices(run, { disturbances: 1 });
    expect(report.coverage).toBe('bounded');
    expect(Math.max(...counts)).toBe(1);
    expect(counts.indexOf(1)).toBeGreaterThan(0);
  });

  it('follows choices that depend on choices', () => {
    const seen = new Set<string>();
    exploreChoices((chooser) => {
      const first = chooser.pick(3, '');
      const more = Array.from({ length: first }, () => chooser.pick(2, ''));
      seen.add([first, ...more].join());
    });
    expect([...seen].sort()).toEqual(['0', '1,0', '1,1', '2,0,0', '2,0,1', '2,1,0', '2,1,1']);
  });

  it('gives the failure with the fewest disturbances, and how to have it again', () => {
    const run = (chooser: Chooser) => {
      const choices = pickMany(chooser, [3, 3, 3, 3]);
      if ((choices[2] ?? 0) === 2) throw new Error('found');
    };
    const { failure } = exploreChoices(run);
    expect(failure?.choices).toBe('0*2 2');
    expect(() => {
      run(replayed(failure?.choices ?? ''));
    }).toThrow('found');
  });

  it('gives up after so many runs', () => {
    const run = (chooser: Chooser) => {
      pickMany(chooser, [4, 4, 4, 4]);
    };
    expect(exploreChoices(run, { disturbances: 4, runs: 10 })).toEqual({
      coverage: 'capped',
      runs: 10,
      failure: null,
    });
  });

  it('tells a function that does not do the same for the same choices', () => {
    let calls = 0;
    const run = (chooser: Chooser) => {
      pickMany(chooser, [2, calls++ % 2 === 0 ? 2 : 3, 2]);
    };
    const { failure } = exploreChoices(run);
    expect(failure?.error).toMatchObject({ code: 'ERR_RSEQ_NOT_DETERMINISTIC' });
  });
});
