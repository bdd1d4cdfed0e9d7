// SPDX-License-Identifier: MIT
/**
 * Checks what a caller passes as options, and single numbers, at once: a name
 * that is misspelt or a value that means nothing is an error where it was
 * written, and not a default that is taken without a word. It leaves to the
 * callers which options there are, and which of them go together.
 *
 *     const CHECKS: OptionChecks<ExploreOptions> = {
 *       states: wholeNumber(1),
 *       disturbances: orInfinity(wholeNumber(0)),
 *     };
 *     checkOptions('explore()', options, CHECKS);
 *     checkValue('advance()', 'nanoseconds', nanoseconds, wholeNumber(0));
 *
 * The checks are made when a module is loaded; they are no closures of a call.
 */
import { RseqSliceError } from './errors.ts';

/** What one option accepts. */
export interface Check {
  /** For messages, after 'It accepts'. */
  readonly accepts: string;
  /** undefined is never asked about: such an option was left out. */
  readonly isGood: (value: unknown) => boolean;
  /** What was passed, where more than {@link describeValue} says is needed to see what is wrong. */
  readonly describe?: (value: unknown) => string;
}

/** A check for every option there is. */
export type OptionChecks<Options> = { readonly [Name in keyof Options]-?: Check };

const LONGEST_TEXT = 60;

/**
 * Checks an object of options: its names, also those it inherits, and then its values.
 * @param caller the function as messages call it: `attach()`, `new Mutex()`
 * @param options what was passed, which callers without types can pass as anything
 * @param written how the caller is called, for those who passed something else
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`
 */
export function checkOptions<Options extends object>(
  caller: string,
  options: Options,
  known: OptionChecks<Options>,
  written?: string,
): void {
  const given: unknown = options;
  // A lock, a buffer or an AbortSignal where options belong has no option by name, so nothing else
  // would refuse it.
  if (typeof given !== 'object' || Object.prototype.toString.call(given) !== '[object Object]') {
    const how = written === undefined ? '' : `: ${written}`;
    throw invalid(`${caller} takes an object of options, not ${describeValue(given)}${how}.`);
  }
  for (const name in given) {
    if (Object.hasOwn(known, name)) continue;
    throw invalid(
      `${caller} has no option '${shorten(name)}'; it has ${Object.keys(known).join(', ')}.`,
    );
  }
  // By their names and not as they are enumerated: that is how they are read, too.
  for (const name of Object.keys(known) as (keyof Options & string)[]) {
    const value: unknown = options[name];
    if (value !== undefined) checkValue(caller, name, value, known[name]);
  }
}

/**
 * Checks one option or argument.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`
 */
export function checkValue(
  caller: string,
  name: string,
  value: unknown,
  { accepts, isGood, describe = describeValue }: Check,
): void {
  if (isGood(value)) return;
  throw invalid(`${caller} does not accept ${name}: ${describe(value)}. It accepts ${accepts}.`);
}

/** A value as messages show it. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${shorten(value)}'`;
    case 'bigint':
      return `${shorten(String(value))}n`;
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : nameObject(value);
    default:
      return String(value);
  }
}

export const TRUE_OR_FALSE: Check = {
  accepts: 'true or false',
  isGood: (value) => typeof value === 'boolean',
};
export const TEXT: Check = { accepts: 'a string', isGood: (value) => typeof value === 'string' };
export const FUNCTION: Check = {
  accepts: 'a function',
  isGood: (value) => typeof value === 'function',
};

/** One of some words. */
export function oneOf(words: readonly string[]): Check {
  return {
    accepts: words.map((word) => `'${word}'`).join(', '),
    isGood: (value) => words.some((word) => word === value),
  };
}

/** An integer that JavaScript holds exactly. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  return {
    accepts: `a whole number ${range(least, most)}`,
    isGood: (value) => Number.isSafeInteger(value) && isWithin(value, least, most),
  };
}

/** Any number but NaN and the infinities, fractions too. */
export function numberWithin(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  return {
    accepts: `a number ${range(least, most)}`,
    isGood: (value) => isWithin(value, least, most),
  };
}

/** What another check accepts, and Infinity. */
export function orInfinity({ accepts, isGood }: Check): Check {
  return {
    accepts: `${accepts}, or Infinity`,
    isGood: (value) => value === Infinity || isGood(value),
  };
}

/**
 * An array of what is good at its place. A hole is no value.
 * @param accepts as in {@link Check}
 * @param least how many there must be, and
 * @param most how many there may be
 */
export function arrayWhere(
  accepts: string,
  isGood: (value: unknown, index: number, all: readonly unknown[]) => boolean,
  least = 0,
  most: number = Infinity,
): Check {
  return {
    accepts,
    isGood: (value) =>
      Array.isArray(value) &&
      value.length >= least &&
      value.length <= most &&
      [...(value as unknown[])].every(isGood),
    describe(value) {
      if (!Array.isArray(value)) return describeValue(value);
      const all = [...(value as unknown[])];
      const wrong = all.findIndex((element, index) => !isGood(element, index, all));
      if (all.length === 0) return 'an empty array';
      if (wrong < 0 || all.length > most) return `an array of ${all.length} elements`;
      return `an array with ${describeValue(all[wrong])} at index ${wrong}`;
    },
  };
}

/** An array of what another check accepts. */
export function arrayOf(what: string, { isGood }: Check): Check {
  return arrayWhere(`an array of ${what}`, (value) => isGood(value));
}

/** An object that has some methods, whoever made it. */
export function objectWith(what: string, ...methods: readonly string[]): Check {
  return {
    accepts: what,
    isGood(value) {
      if (typeof value !== 'object' || value === null) return false;
      const members = value as Readonly<Record<string, unknown>>;
      return methods.every((name) => typeof members[name] === 'function');
    },
  };
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function range(least: number, most: number): string {
  const begin = least === Number.MIN_SAFE_INTEGER ? 'Number.MIN_SAFE_INTEGER' : String(least);
  const end = most === Number.MAX_SAFE_INTEGER ? 'Number.MAX_SAFE_INTEGER' : String(most);
  return `from ${begin} to ${end}`;
}

function nameObject(value: object): string {
  if (Array.isArray(value)) return 'an array';
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  // A class of the caller's has its own name; an object without a prototype has none.
  const { constructor } = value as { readonly constructor?: unknown };
  const name = tag === 'Object' && typeof constructor === 'function' ? constructor.name : tag;
  if (name === 'Object') return 'an object';
  // It is their size that may be wrong.
  if (isBinary(value, tag))
    return `${withArticle(tag)} of ${value.byteLength} byte${value.byteLength === 1 ? '' : 's'}`;
  return `an object of type ${shorten(name)}`;
}

const isBinary = (value: object, tag: string): value is ArrayBufferView | ArrayBuffer =>
  ArrayBuffer.isView(value) || tag === 'ArrayBuffer' || tag === 'SharedArrayBuffer';

/**
 * The name of a class as it stands in a sentence.
 * @param a 'A' where it begins one
 */
export function withArticle(name: string, a: 'a' | 'A' = 'a'): string {
  return `${a}${/^(?:[AEIO]|Rw)/.test(name) ? 'n' : ''} ${name}`;
}

function shorten(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** The error for what a caller passed and this library cannot take. */
export function invalid(message: string): RseqSliceError {
  return new RseqSliceError('ERR_RSEQ_INVALID_OPTION', message);
}

/**
 * That what lives in shared memory fits in.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`
 */
export function checkRoom(
  kind: string,
  memory: SharedArrayBuffer,
  byteOffset: number,
  size: number,
): void {
  if (byteOffset + size <= memory.byteLength) return;
  throw invalid(
    `${withArticle(kind, 'A')} takes ${size} bytes; at ${byteOffset} this buffer of ${memory.byteLength} bytes has room for ${Math.max(0, memory.byteLength - byteOffset)}.`,
  );
}
