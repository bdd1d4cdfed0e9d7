// SPDX-License-Identifier: MIT
/** Options are checked at once: their names, and every kind of value that means nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RseqSliceError } from '../../lib/errors.ts';
import {
  arrayOf,
  arrayWhere,
  checkOptions,
  checkValue,
  describeValue,
  numberWithin,
  objectWith,
  oneOf,
  orInfinity,
  TRUE_OR_FALSE,
  wholeNumber,
  withArticle,
} from '../../lib/options.ts';
import type { Check, OptionChecks } from '../../lib/options.ts';

interface Options {
  readonly word?: 'one' | 'two';
  readonly count?: number;
  readonly time?: number;
  readonly flag?: boolean;
}

const CHECKS: OptionChecks<Options> = {
  word: oneOf(['one', 'two']),
  count: wholeNumber(1, 8),
  time: orInfinity(numberWithin(0)),
  flag: TRUE_OR_FALSE,
};

const check = (options: unknown): void => {
  checkOptions('make()', options as Options, CHECKS);
};

/** What is said of options; null: nothing. */
function complaint(options: unknown): string | null {
  try {
    check(options);
    return null;
  } catch (error) {
    if (!RseqSliceError.is(error) || error.code !== 'ERR_RSEQ_INVALID_OPTION') throw error;
    return error.message;
  }
}

const accepts = ({ isGood }: Check, value: unknown): boolean => isGood(value);

describe('an object of options', () => {
  it.each([
    {},
    { word: 'one' },
    { word: undefined, count: 8, time: Infinity, flag: false },
    Object.create(null) as object,
  ])('may be %j', (options) => {
    expect(complaint(options)).toBeNull();
  });

  it.each([
    [null, 'null'],
    [10, '10'],
    ['one', "'one'"],
    [[], 'an array'],
    [() => 1, 'a function'],
    [new Map(), 'an object of type Map'],
    [new SharedArrayBuffer(8), 'a SharedArrayBuffer of 8 bytes'],
    [new Int32Array(2), 'an Int32Array of 8 bytes'],
    [new AbortController().signal, 'an object of type AbortSignal'],
  ])('is nothing else: %s', (given, described) => {
    expect(complaint(given)).toBe(`make() takes an object of options, not ${described}.`);
  });

  it('has no names that are unknown', () => {
    expect(complaint({ counts: 1 })).toBe(
      "make() has no option 'counts'; it has word, count, time, flag.",
    );
    expect(complaint({ counts: undefined })).toContain("'counts'");
    expect(complaint({ toString: 1 })).toContain("'toString'");
    expect(complaint(JSON.parse('{"__proto__": 1}'))).toContain("'__proto__'");
  });

  it('is read as destructuring reads it: what is inherited and what is not enumerable counts', () => {
    expect(complaint(Object.create({ count: 0 }))).toContain('count: 0');
    expect(complaint(Object.create({ counts: 1 }))).toContain("'counts'");
    expect(complaint(Object.defineProperty({}, 'count', { value: NaN }))).toContain('count: NaN');
    class Settings {
      readonly count = 3;
      get time(): number {
        return -1;
      }
    }
    expect(complaint(new Settings())).toContain('time: -1');
  });

  it('does not look at the value of an unknown name', () => {
    const options = Object.defineProperty({}, 'owner', {
      enumerable: true,
      get: () => {
        throw new Error('looked at');
      },
    });
    expect(complaint(options)).toContain("'owner'");
  });

  it('names function, option, value and what is accepted', () => {
    expect(complaint({ word: 'three' })).toBe(
      "make() does not accept word: 'three'. It accepts 'one', 'two'.",
    );
    expect(complaint({ count: 1.5 })).toBe(
      'make() does not accept count: 1.5. It accepts a whole number from 1 to 8.',
    );
    expect(complaint({ time: NaN })).toBe(
      'make() does not accept time: NaN. It accepts a number from 0 to Number.MAX_SAFE_INTEGER, or Infinity.',
    );
    expect(complaint({ flag: 1 })).toBe(
      'make() does not accept flag: 1. It accepts true or false.',
    );
    expect(complaint({ flag: null })).toContain('flag: null');
  });

  it('is refused for any unknown name, and for any value of another type', () => {
    fc.assert(
      fc.property(fc.string(), fc.anything(), (name, value) => {
        expect(complaint({ [name]: value }) === null).toBe(
          Object.hasOwn(CHECKS, name) &&
            (value === undefined || CHECKS[name as keyof Options].isGood(value)),
        );
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(CHECKS)), fc.anything(), (name, value) => {
        const types = { word: 'string', count: 'number', time: 'number', flag: 'boolean' };
        if (complaint({ [name]: value }) !== null || value === undefined) return;
        expect(typeof value).toBe(types[name as keyof Options]);
      }),
    );
  });
});

describe('checks of single values', () => {
  const NO_NUMBERS: readonly unknown[] = [
    null,
    '1',
    '',
    true,
    1n,
    [],
    [1],
    {},
    { valueOf: () => 1 },
    Symbol('one'),
    () => 1,
  ];

  it.each([
    wholeNumber(0),
    numberWithin(0),
    orInfinity(wholeNumber(0)),
    orInfinity(numberWithin(0)),
  ])('$accepts', (number) => {
    const refused = [...NO_NUMBERS, NaN, -1, -Infinity, 2 ** 53, 1e300];
    expect(refused.filter((value) => accepts(number, value))).toEqual([]);
    for (const value of [0, 1, 2 ** 53 - 1])
      expect(accepts(number, value), String(value)).toBe(true);
    expect(accepts(number, 0.5)).toBe(number.accepts.startsWith('a number'));
    expect(accepts(number, Infinity)).toBe(number.accepts.endsWith('Infinity'));
  });

  it('numbers within bounds, and no others', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.nat(),
        fc.oneof(fc.double(), fc.integer()),
        (least, span, value) => {
          const isWithin = value >= least && value <= least + span;
          expect(accepts(numberWithin(least, least + span), value)).toBe(isWithin);
          expect(accepts(wholeNumber(least, least + span), value)).toBe(
            isWithin && Number.isInteger(value),
          );
        },
      ),
    );
  });

  it('arrays and objects', () => {
    const numbers = arrayOf('whole numbers', wholeNumber(0));
    for (const value of [[], [0, 1]]) expect(accepts(numbers, value)).toBe(true);
    const others = [[-1], [0, undefined], new Array(2), '01', new Uint8Array(2), { length: 0 }];
    expect(others.filter((value) => accepts(numbers, value))).toEqual([]);
    for (const [value, described] of [
      [[0, 'x'], "an array with 'x' at index 1"],
      [new Array(2), 'an array with undefined at index 0'],
      [new Uint8Array(1), 'a Uint8Array of 1 byte'],
    ] as const)
      expect(() => {
        checkValue('sort()', 'them', value, numbers);
      }).toThrow(
        `sort() does not accept them: ${described}. It accepts an array of whole numbers.`,
      );
    const chooser = objectWith('a chooser', 'pick');
    class Chooser {
      pick(): number {
        return 0;
      }
    }
    for (const value of [{ pick: () => 0 }, new Chooser()])
      expect(accepts(chooser, value)).toBe(true);
    for (const value of [{}, { pick: 1 }, null, () => 0])
      expect(accepts(chooser, value)).toBe(false);
  });

  it('arrays of so many that go together', () => {
    const rising = arrayWhere(
      'rising numbers',
      (value, at, all) => at === 0 || Number(value) > Number(all[at - 1]),
      1,
      3,
    );
    expect(accepts(rising, [1, 2, 4])).toBe(true);
    for (const [value, described] of [
      [[1, 4, 4], 'an array with 4 at index 2'],
      [[], 'an empty array'],
      [[1, 2, 3, 4], 'an array of 4 elements'],
      [null, 'null'],
    ] as const)
      expect(() => {
        checkValue('sort()', 'them', value, rising);
      }).toThrow(`sort() does not accept them: ${described}. It accepts rising numbers.`);
  });

  it('classes have the article that is spoken', () => {
    expect(
      ['Mutex', 'RwLock', 'Uint8Array', 'AbortSignal'].map((name) => withArticle(name)),
    ).toEqual(['a Mutex', 'an RwLock', 'a Uint8Array', 'an AbortSignal']);
    expect(withArticle('RwLock', 'A')).toBe('An RwLock');
  });

  it('an argument is named as an option is', () => {
    expect(() => {
      checkValue('advance()', 'nanoseconds', -1, wholeNumber(0, 9));
    }).toThrow(
      expect.objectContaining({
        code: 'ERR_RSEQ_INVALID_OPTION',
        message:
          'advance() does not accept nanoseconds: -1. It accepts a whole number from 0 to 9.',
      }),
    );
  });

  it('values are shown briefly, whatever they are', () => {
    expect(
      [null, undefined, 'a', 1n, Symbol('x'), [1], {}, new Date(0), () => 1].map(describeValue),
    ).toEqual([
      'null',
      'undefined',
      "'a'",
      '1n',
      'Symbol(x)',
      'an array',
      'an object',
      'an object of type Date',
      'a function',
    ]);
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ minLength: 100 }), fc.bigInt()), (value) => {
        expect(describeValue(value).length).toBeLessThan(100);
      }),
    );
  });
});
