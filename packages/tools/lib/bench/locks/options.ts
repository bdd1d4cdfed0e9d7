// SPDX-License-Identifier: MIT
/**
 * What is measured of locks, and how: the options by their names on a command line,
 * and what they mean. Their defaults are the commands' own.
 */
import { readNumber, readWord } from 'rseq-slice/internal';
import type { Slices } from './aggregate.ts';
import { WORKLOADS } from './workloads.ts';

/** As many as the programs in C have room for. */
export const MOST_WORKERS = 64;
const LONGEST = 3600;

export interface LocksOptions {
  readonly workers: readonly number[];
  /** us. */
  readonly sections: readonly number[];
  /** us; null: each as long as its section. */
  readonly gaps: readonly number[] | null;
  readonly locks: readonly string[];
  readonly slices: readonly Slices[];
  readonly workload: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly warm: number;
  readonly sample: number;
  /** In how many rounds each cell is measured once more, to count what its lock does. */
  readonly count: number;
  /** Seconds of warming up at most, whatever the lock; absent: as many as it takes. */
  readonly mostWarm?: number;
}

export const LOCKS_OPTIONS = [
  'workers',
  'section',
  'gap',
  'lock',
  'slices',
  'workload',
  'rounds',
  'seconds',
  'warm',
  'sample',
  'count',
] as const;

/** As they are typed. */
export type RawLocksOptions = Readonly<Record<(typeof LOCKS_OPTIONS)[number], unknown>>;

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** min itself is too small. */
  readonly above?: boolean;
}

function readWithin(
  name: string,
  value: unknown,
  { min, max, whole = false, above = false }: Range,
): number {
  const isGood = (number: number): boolean =>
    number <= max && (above ? number > min : number >= min) && (!whole || Number.isInteger(number));
  return readNumber(
    name,
    value,
    isGood,
    `${whole ? 'whole numbers' : 'numbers'} ${above ? 'above' : 'from'} ${min} ${above ? 'up ' : ''}to ${max}`,
  );
}

/** @returns the words between commas, each once */
const split = (value: unknown): string[] => [...new Set(String(value).split(','))];

const readAllWithin = (name: string, value: unknown, range: Range): number[] => [
  ...new Set(split(value).map((part) => readWithin(name, part, range))),
];

/**
 * @param kinds the names of the locks there are
 * @throws {UsageError} that names the option
 */
export function readLocksOptions(raw: RawLocksOptions, kinds: readonly string[]): LocksOptions {
  const time = { min: 0, max: 100_000 };
  return {
    workers: readAllWithin('workers', raw.workers, { min: 1, max: MOST_WORKERS, whole: true }),
    sections: readAllWithin('section', raw.section, { ...time, above: true }),
    gaps: raw.gap === undefined ? null : readAllWithin('gap', raw.gap, time),
    locks:
      raw.lock === 'all'
        ? [...kinds]
        : split(raw.lock).map((part) => readWord('lock', part, kinds)),
    slices: split(raw.slices).map((part) => readWord('slices', part, ['on', 'off'])),
    workload: readWord('workload', raw.workload, [...WORKLOADS.keys()]),
    rounds: readWithin('rounds', raw.rounds, { min: 1, max: 10_000, whole: true }),
    seconds: readWithin('seconds', raw.seconds, { min: 0, max: LONGEST, above: true }),
    warm: readWithin('warm', raw.warm, { min: 0, max: LONGEST }),
    sample: readWithin('sample', raw.sample, { min: 1, max: 1_000_000, whole: true }),
    count: readWithin('count', raw.count, { min: 0, max: 10_000, whole: true }),
  };
}
