// SPDX-License-Identifier: MIT
/**
 * Everything that could happen one way or another in the simulated kernel is a
 * choice: `pick(bound, label)` gives a number below `bound`. Who answers decides
 * what a run is: random, replayed, shrunk, or one of all there are.
 *
 * 0 is always the boring answer: the same thread goes on, nothing happens. So a
 * list of choices gets simpler by lowering its numbers and dropping its end,
 * which is what fast-check's shrinking does, and a list that has ended goes on
 * with zeroes.
 */
import { RseqSliceError } from '../../errors.ts';
import {
  checkOptions,
  checkValue,
  describeValue,
  FUNCTION,
  numberWithin,
  orInfinity,
  TEXT,
  wholeNumber,
} from '../../options.ts';
import type { OptionChecks } from '../../options.ts';
import { CHOICES, CHOOSER, SEED } from '../checks.ts';

/** Answers choices. */
export interface Chooser {
  /**
   * @param bound how many possibilities there are, 1 or more.
   * @param label what the choice is about; for people.
   * @returns an integer from 0 to below `bound`.
   */
  pick(bound: number, label: string): number;
}

/**
 * What a chooser answers, who may be anybody's.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` when it is no choice.
 */
export function ask(chooser: Chooser, bound: number, label: string): number {
  const choice: unknown = chooser.pick(bound, label);
  if (typeof choice === 'number' && Number.isInteger(choice) && choice >= 0 && choice < bound)
    return choice;
  throw new RseqSliceError(
    'ERR_RSEQ_INVALID_OPTION',
    `A chooser answers with a whole number from 0 to ${bound - 1}, and not with ${describeValue(choice)} (${label}).`,
  );
}

/** Nothing ever happens. */
export const undisturbed: Chooser = { pick: () => 0 };

/** mulberry32: small, fast, good enough to choose by, and the same on every host. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Random, and the same for the same seed.
 * @param seed any integer; its low 32 bits count.
 * @param rate how many of the choices are not the boring one, 0 to 1. Default 0.25.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function seeded(seed: number, rate = 0.25): Chooser {
  checkValue('seeded()', 'seed', seed, SEED);
  checkValue('seeded()', 'rate', rate, numberWithin(0, 1));
  const random = createRandom(seed);
  return {
    pick(bound) {
      if (bound <= 1 || random() >= rate) return 0;
      return 1 + Math.floor(random() * (bound - 1));
    },
  };
}

const PRIORITIES: OptionChecks<{ readonly depth?: number; readonly length?: number }> = {
  // All of them are drawn before the first choice.
  depth: wholeNumber(0, 1_000_000),
  length: wholeNumber(1, 2 ** 31 - 1),
};

/**
 * A few disturbances at random moments of a run, and otherwise none: finds what
 * needs `depth` of them in a run of about `length` choices with a probability
 * of 1 in about `length ** depth`, whatever the number of schedules.
 *
 * Source: Burckhardt et al., 'A randomized scheduler with probabilistic
 * guarantees of finding bugs', ASPLOS 2010. There threads have priorities; here
 * the boring choice plays the part of the highest.
 * @param options `depth`: how many, default 2; `length`: default 100.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function priorityBased(
  seed: number,
  options: { readonly depth?: number; readonly length?: number } = {},
): Chooser {
  checkValue('priorityBased()', 'seed', seed, SEED);
  checkOptions('priorityBased()', options, PRIORITIES);
  const { depth = 2, length = 100 } = options;
  const random = createRandom(seed);
  const moments = new Set<number>();
  while (moments.size < Math.min(depth, length)) moments.add(Math.floor(random() * length));
  let choice = 0;
  return {
    pick(bound) {
      return moments.has(choice++) && bound > 1 ? 1 + Math.floor(random() * (bound - 1)) : 0;
    },
  };
}

/**
 * The choices of a list, or of the text that {@link formatChoices} makes of one,
 * then zeroes. A number that is too big for its choice is taken modulo the
 * bound, so that any list of a property test is a run.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function replayed(choices: readonly number[] | string): Chooser {
  checkValue('replayed()', 'choices', choices, CHOICES);
  const list = typeof choices === 'string' ? parseChoices(choices) : choices;
  let next = 0;
  return {
    pick(bound) {
      const choice = list[next++] ?? 0;
      return choice % bound;
    },
  };
}

/** A chooser that remembers what another answered. */
export class Recorder implements Chooser {
  /** The answers so far. */
  readonly choices: number[] = [];
  readonly #chooser: Chooser;

  /** @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`. */
  constructor(chooser: Chooser) {
    checkValue('new Recorder()', 'chooser', chooser, CHOOSER);
    this.#chooser = chooser;
  }

  pick(bound: number, label: string): number {
    const choice = ask(this.#chooser, bound, label);
    this.choices.push(choice);
    return choice;
  }
}

/** What {@link exploreChoices} found. */
export interface ChoicesReport {
  /**
   * `exhausted`: every run there is; `bounded`: every one within the disturbances; `capped`: the
   * limit of runs came first.
   */
  readonly coverage: 'exhausted' | 'bounded' | 'capped';
  /** How many runs were tried. */
  readonly runs: number;
  /** What a run threw, and its choices; null: none did. */
  readonly failure: {
    /** What was thrown. */
    readonly error: unknown;
    /** For `replayed`, which makes the same run again. */
    readonly choices: string;
  } | null;
}

const EXPLORATION: OptionChecks<{ readonly disturbances?: number; readonly runs?: number }> = {
  disturbances: orInfinity(wholeNumber(0)),
  runs: orInfinity(wholeNumber(1)),
};

/**
 * Runs a function with every list of choices, fewest disturbances first: it
 * must do the same for the same choices, and end. The first failure is the one
 * with the fewest disturbances. Works on any code, our own or a user's.
 * @param run takes a chooser; throwing is failing.
 * @param options `disturbances`: how many choices in a run may be other than 0,
 *   default 3; `runs`: give up after so many, default 100,000. Either can be Infinity.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function exploreChoices(
  run: (chooser: Chooser) => void,
  options: { readonly disturbances?: number; readonly runs?: number } = {},
): ChoicesReport {
  checkValue('exploreChoices()', 'run', run, FUNCTION);
  checkOptions('exploreChoices()', options, EXPLORATION);
  const { disturbances = 3, runs: limit = 100_000 } = options;
  let runs = 0;
  for (let budget = 0; budget <= disturbances; budget++) {
    const odometer = new Odometer(budget);
    do {
      if (runs === limit) return { coverage: 'capped', runs, failure: null };
      runs++;
      odometer.start();
      try {
        run(odometer);
      } catch (error) {
        return {
          coverage: 'bounded',
          runs,
          failure: { error, choices: formatChoices(odometer.choices()) },
        };
      }
    } while (odometer.advance());
    // Nobody wanted more than there was: a larger budget would repeat these runs.
    if (!odometer.refused) return { coverage: 'exhausted', runs, failure: null };
  }
  return { coverage: 'bounded', runs, failure: null };
}

/**
 * Depth-first search over lists with exactly so many disturbances, as counting: the last digit
 * first.
 */
class Odometer implements Chooser {
  /** Whether any run had a choice for which no disturbance was left. */
  refused = false;
  readonly #budget: number;
  #digits: { choice: number; readonly bound: number }[] = [];
  #position = 0;
  #left = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  start(): void {
    this.#position = 0;
    this.#left = this.#budget;
  }

  pick(bound: number): number {
    const known = this.#digits[this.#position];
    let choice = 0;
    if (known === undefined) this.#digits.push({ choice, bound });
    else {
      if (known.bound !== bound) {
        throw new RseqSliceError(
          'ERR_RSEQ_NOT_DETERMINISTIC',
          `The explored function does not do the same for the same choices: choice ${this.#position + 1} had ${known.bound} possibilities and has ${bound} now. It must depend on nothing but the chooser.`,
        );
      }
      choice = known.choice;
    }
    this.#position++;
    if (choice > 0) this.#left--;
    else if (bound > 1 && this.#left === 0) this.refused = true;
    return choice;
  }

  /** To the next list; false: that was the last one. */
  advance(): boolean {
    this.#digits.length = this.#position;
    let spent = this.#digits.filter(({ choice }) => choice > 0).length;
    for (let digit = this.#digits.pop(); digit !== undefined; digit = this.#digits.pop()) {
      if (digit.choice > 0) spent--;
      if (digit.choice + 1 < digit.bound && spent < this.#budget) {
        this.#digits.push({ choice: digit.choice + 1, bound: digit.bound });
        return true;
      }
    }
    return false;
  }

  choices(): readonly number[] {
    return this.#digits.map(({ choice }) => choice);
  }
}

/**
 * Choices as one short line: numbers, `0*12` for twelve zeroes, none for the
 * zeroes at the end.
 */
export function formatChoices(choices: readonly number[]): string {
  const words: string[] = [];
  let zeroes = 0;
  for (const choice of choices) {
    if (choice === 0) {
      zeroes++;
      continue;
    }
    if (zeroes > 0) words.push(zeroes === 1 ? '0' : `0*${zeroes}`);
    zeroes = 0;
    words.push(String(choice));
  }
  return words.join(' ');
}

/**
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION` for what {@link formatChoices} would not have
 * written.
 */
export function parseChoices(text: string): number[] {
  checkValue('parseChoices()', 'text', text, TEXT);
  const words = text.trim() === '' ? [] : text.trim().split(/\s+/);
  return words.flatMap((word) => {
    const [, digits, repeat = '1'] = /^(\d{1,9})(?:\*(\d{1,6}))?$/.exec(word) ?? [];
    if (digits === undefined) {
      throw new RseqSliceError(
        'ERR_RSEQ_INVALID_OPTION',
        `'${word}' is no choice: a list is numbers and repetitions like 0*12, with blanks between them.`,
      );
    }
    return Array.from({ length: Number(repeat) }, () => Number(digits));
  });
}
