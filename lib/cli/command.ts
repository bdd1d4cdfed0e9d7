// SPDX-License-Identifier: MIT
/**
 * What the commands share: how they end, how they refuse wrong usage, and how
 * they find out what may be written to a terminal. Each command is a file of its
 * own, which adds itself to the command line.
 */
import type { CAC } from 'cac';

/** How a command ends; every command's help names those it uses. */
export const ExitCode = {
  Done: 0,
  /** It ran, and what it found is not as it should be. */
  Failed: 1,
  /** An option or argument that means nothing. Nothing was done. */
  Usage: 2,
  Interrupted: 130,
  /**
   * Nobody reads what it writes, as the shell tells it: 128 and the number of SIGPIPE. So of every
   * command that no help names it.
   */
  ClosedPipe: 141,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Wrong usage: the message names the option, what was given, and what it wants. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Adds a command. Its action returns an {@link ExitCode}, or a promise of one. */
export type AddCommand = (cli: CAC) => void;

/** Words in a colour, or plain ones. */
export type Paint = (colour: 'green' | 'yellow' | 'red' | 'bold' | 'dim', text: string) => string;

const CODES = {
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
  bold: [1, 22],
  dim: [2, 22],
} as const;

/**
 * Whether a stream shows colours: it is a terminal, and NO_COLOR is not set. Source: no-color.org.
 */
export function hasColour(stream: { readonly isTTY?: boolean }): boolean {
  return (
    stream.isTTY === true &&
    (process.env['NO_COLOR'] ?? '') === '' &&
    process.env['TERM'] !== 'dumb'
  );
}

export function painter(coloured: boolean): Paint {
  if (!coloured) return (_, text) => text;
  return (colour, text) => {
    const [on, off] = CODES[colour];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

/**
 * A number given as an option.
 * @throws {UsageError}
 */
export function readNumber(
  name: string,
  value: unknown,
  isGood: (number: number) => boolean,
  wanted: string,
): number {
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && value.trim() !== ''
        ? Number(value)
        : NaN;
  if (!isGood(number)) throw new UsageError(`--${name} wants ${wanted}, not '${String(value)}'.`);
  return number;
}

/**
 * An option that is there or not.
 * @throws {UsageError} it was given a value, or twice
 */
export function readFlag(name: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    throw new UsageError(`--${name} is given once, and takes no value.`);
  return value === true;
}

/**
 * One of the words an option can be.
 * @throws {UsageError}
 */
export function readWord<Word extends string>(
  name: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const word = words.find((known) => known === value);
  if (word === undefined)
    throw new UsageError(`--${name} wants one of ${words.join(', ')}, not '${String(value)}'.`);
  return word;
}
