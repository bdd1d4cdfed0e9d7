// SPDX-License-Identifier: MIT
/**
 * The records that the benchmarks write, as far as a report uses them: every
 * field is checked here, and what else a record has is left alone. What the
 * figures say is left to `figures.ts`.
 */
import { coverageOf } from '../bench/statistics.ts';
import type { Summary } from '../bench/statistics.ts';
import type { Stats } from 'rseq-slice';
import { Field, RecordError } from './field.ts';

export type Spread = Summary;

export const SETTINGS = ['off', 'on'] as const;
/** Of slices. */
export type Setting = (typeof SETTINGS)[number];

/** Where, when and how something was measured. */
export interface Environment {
  readonly date: string;
  readonly kernel: string;
  readonly guest: boolean;
  /** null: not known. */
  readonly emulated: boolean | null;
  /** null: none, or not known. */
  readonly hypervisor: string | null;
  /** Threads that wanted a CPU before anything was measured; null: not known. */
  readonly load: number | null;
  readonly cpu: string;
  readonly cpus: number;
  readonly arch: string;
  readonly node: string;
  readonly command: string;
  /** null: not known, as all that follow. */
  readonly commit: string | null;
  readonly modified: boolean | null;
  /** Of the package. */
  readonly version: string | null;
}

/** What is measured with slices and without. Times are in us. */
export interface Place {
  readonly kind: string;
  readonly workers: number;
  readonly section: number;
  readonly gap: number;
}

export type Figures = Readonly<Record<string, Spread | null>>;

export interface CellRecord extends Place {
  readonly slices: Setting;
  readonly rounds: number;
  /** `throughput` a second; `p50`, `p99`, `p999` and `max` of waits in ns; and others. */
  readonly figures: Figures;
}

export interface PairRecord extends Place {
  readonly rounds: number;
  /** On to off. */
  readonly ratios: Figures;
}

/** How one of our locks stands to the one that a program would write for itself. */
export interface ComparisonOfKinds extends Place {
  readonly slices: Setting;
  /** null: it was not measured. */
  readonly baseline: {
    readonly throughput: { readonly kind: string; readonly ratio: Spread } | null;
  };
}

export interface RunRecord extends Place {
  readonly round: number;
  readonly slices: Setting;
  /** Why it has no figures that mean anything; null: it has. */
  readonly wrong: string | null;
  /** How many waits were timed. */
  readonly samples: number;
  /** More points of the waits than the cells name: percent and ns. Empty: there are none. */
  readonly percentiles: readonly (readonly [percent: number, wait: number])[];
  /** null: no thread was attached. */
  readonly outcomes: Stats | null;
}

export interface LockRecord {
  readonly benchmark: 'locks';
  readonly file: string;
  readonly environment: Environment;
  readonly workload: string;
  /** ns; null: not known. */
  readonly extension: number | null;
  readonly lane: string | null;
  readonly rounds: number;
  /** One measurement. */
  readonly seconds: number;
  /** One wait in so many is timed. */
  readonly sample: number;
  /** Whether all rounds were made. */
  readonly complete: boolean;
  readonly notes: readonly string[];
  readonly cells: readonly CellRecord[];
  readonly pairs: readonly PairRecord[];
  readonly runs: readonly RunRecord[];
  /** Empty: only one kind was measured, or the record is an earlier one. */
  readonly comparisons: readonly ComparisonOfKinds[];
}

export interface LoopRecord extends Spread {
  readonly name: string;
  readonly what: string;
}

export interface ComparisonRecord {
  readonly name: string;
  /** In words; null: the record does not tell. */
  readonly meaning: string | null;
  /** null: not measured. */
  readonly value: Spread | null;
  readonly unit: string;
  /** null: none, as in records of users. */
  readonly aim: string | null;
  readonly met: boolean | null;
}

export interface SectionRecord {
  readonly benchmark: 'sections';
  readonly file: string;
  readonly environment: Environment;
  readonly host: string;
  readonly registration: string;
  readonly abiVersion: string;
  readonly rounds: number;
  readonly loops: readonly LoopRecord[];
  readonly comparisons: readonly ComparisonRecord[];
  readonly notes: readonly string[];
}

export type BenchRecord = LockRecord | SectionRecord;

/** The editions of the records so far. Those without a number are of the first. */
const SCHEMAS = [1, 2, 3];

/**
 * A file has one record, or a list of them, as `bench --json` writes it of both benchmarks.
 * @param text of the file
 * @param file its name, for the report and for errors
 * @throws {RecordError} it is none, or a field is not what it should be
 */
export function readRecords(text: string, file: string): BenchRecord[] {
  const value = parse(text, file);
  const whole = new Field(value, file);
  if (!Array.isArray(value)) return [readRecord(whole, file)];
  if (value.length === 0) return whole.refuse('a record, or a list of some');
  return whole.list().map((record) => readRecord(record, file));
}

function readRecord(record: Field, file: string): BenchRecord {
  record
    .at('schema')
    .optional((schema) =>
      schema.number(
        (number) => SCHEMAS.includes(number),
        `the number ${SCHEMAS.join(' or ')}, the editions that this version knows`,
      ),
    );
  return benchmarkOf(record) === 'locks' ? readLocks(record, file) : readSections(record, file);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RecordError(
      `${file} is no record of a benchmark that can be shown: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}

const BENCHMARKS = ['locks', 'sections'] as const;

/** Records say what they are; earlier ones only show it. */
function benchmarkOf(record: Field): (typeof BENCHMARKS)[number] {
  const said = record.at('benchmark').optional((name) => name.word(BENCHMARKS));
  if (said !== null) return said;
  const names = new Set(record.names());
  if (names.has('cells') && names.has('runs')) return 'locks';
  if (names.has('results') && names.has('comparisons')) return 'sections';
  return record.refuse(
    "what `bench locks --json` or `bench sections --json` writes, with 'cells' and 'runs' or with 'results' and 'comparisons'",
  );
}

function readLocks(record: Field, file: string): LockRecord {
  const options = record.at('options');
  return {
    benchmark: 'locks',
    file,
    environment: readEnvironment(record),
    workload: record.at('workload').string(),
    extension: record.at('extension').optional((extension) => extension.amount()),
    lane: record.at('lane').optional((lane) => lane.at('name').string()),
    rounds: options.at('rounds').count(),
    seconds: options.at('seconds').amount(),
    sample: options.at('sample').count(),
    complete: record.at('complete').boolean(),
    notes: readNotes(record),
    cells: record
      .at('cells')
      .list()
      .map((cell) => ({
        ...readPlace(cell),
        slices: cell.at('slices').word(SETTINGS),
        rounds: cell.at('rounds').count(),
        figures: readFigures(cell.at('figures'), cell.at('rounds').count()),
      })),
    pairs: record
      .at('pairs')
      .list()
      .map((pair) => ({
        ...readPlace(pair),
        rounds: pair.at('rounds').count(),
        ratios: readFigures(pair.at('ratios'), pair.at('rounds').count()),
      })),
    runs: record.at('runs').list().map(readRun),
    comparisons: record.at('comparisons').optional((all) => all.list().map(readComparison)) ?? [],
  };
}

function readSections(record: Field, file: string): SectionRecord {
  const thread = record.at('thread');
  const results = record.at('results');
  return {
    benchmark: 'sections',
    file,
    environment: readEnvironment(record),
    host: named(thread, 'host', 'backend').string(),
    registration: thread.at('registration').string(),
    abiVersion: named(thread, 'abiVersion', 'flavour').string(),
    rounds: record.at('rounds').count(),
    loops: results.names().map((name) => ({
      name,
      what: results.at(name).at('what').string(),
      ...readSpread(results.at(name), record.at('rounds').count()),
    })),
    comparisons: record
      .at('comparisons')
      .list()
      .map((comparison) => ({
        name: comparison.at('name').string(),
        meaning: comparison.at('meaning').optional((meaning) => meaning.string()),
        value: comparison
          .at('value')
          .nullable((value) => readSpread(value, record.at('rounds').count())),
        unit: comparison.at('unit').string(),
        aim: comparison.at('aim').optional((aim) => aim.string()),
        met: comparison.at('met').optional((met) => met.boolean()),
      })),
    notes: readNotes(record),
  };
}

function readEnvironment(record: Field): Environment {
  return {
    date: record.at('date').string(),
    kernel: record.at('kernel').string(),
    guest: record.at('guest').optional((guest) => guest.boolean()) ?? false,
    emulated: record.at('emulated').optional((emulated) => emulated.boolean()),
    hypervisor: record.at('hypervisor').optional((hypervisor) => hypervisor.string()),
    load: record.at('load').optional((load) => load.amount()),
    cpu: record.at('cpu').string(),
    cpus: record.at('cpus').count(),
    arch: record.at('arch').string(),
    node: record.at('node').string(),
    command: record.at('command').string(),
    commit: record.at('commit').optional((commit) => commit.string()),
    modified: record.at('modified').optional((modified) => modified.boolean()),
    version: record.at('version').optional((version) => version.string()),
  };
}

const readNotes = (record: Field): string[] =>
  record
    .at('notes')
    .list()
    .map((note) => note.string());

function readPlace(cell: Field): Place {
  return {
    kind: cell.at('kind').string(),
    workers: cell
      .at('workers')
      .number(
        (workers) => Number.isSafeInteger(workers) && workers >= 1,
        'a whole number from 1 on',
      ),
    section: cell.at('section').number((section) => section > 0, 'microseconds above 0'),
    gap: cell.at('gap').amount(),
  };
}

const readFigures = (figures: Field, rounds: number): Figures =>
  Object.fromEntries(
    figures
      .names()
      .map((name) => [name, figures.at(name).nullable((spread) => readSpread(spread, rounds))]),
  );

/**
 * @param rounds of the record: the first edition did not say how sure its intervals are, which
 * follows from their number
 */
function readSpread(spread: Field, rounds: number): Spread {
  const interval = spread.at('interval');
  const [low, high, ...more] = interval.list();
  if (low === undefined || high === undefined || more.length > 0)
    return interval.refuse('two numbers');
  const coverage =
    spread
      .at('coverage')
      .optional((share) => share.number((number) => number >= 0 && number < 1, 'a share of 1')) ??
    coverageOf(Math.max(1, rounds));
  return {
    median: spread.at('median').number(),
    interval: [low.number(), high.number()],
    coverage,
    least: spread.at('least').number(),
  };
}

function readRun(run: Field): RunRecord {
  const about = {
    ...readPlace(run),
    round: run.at('round').count(),
    slices: run.at('slices').word(SETTINGS),
  };
  const error = run.at('error').nullable((field) => field.string());
  const measured = run.at('measured').nullable((field) => field);
  if (measured === null)
    return {
      ...about,
      wrong: error ?? 'it was not measured',
      samples: 0,
      percentiles: [],
      outcomes: null,
    };
  const wrong = [
    ...(error === null ? [] : [error]),
    ...measured
      .at('wrong')
      .list()
      .map((each) => each.string()),
  ];
  const waits = measured.at('waits');
  return {
    ...about,
    wrong: wrong.length === 0 ? null : wrong.join('; '),
    samples: waits.at('samples').count(),
    percentiles:
      waits.at('percentiles').optional((points) => points.list().map(readPercentile)) ?? [],
    outcomes: measured.at('slices').nullable(readOutcomes),
  };
}

function readComparison(comparison: Field): ComparisonOfKinds {
  const throughput = comparison.at('baseline').at('throughput');
  return {
    ...readPlace(comparison),
    slices: comparison.at('slices').word(SETTINGS),
    baseline: {
      throughput: throughput.nullable((against) => ({
        kind: against.at('kind').string(),
        // It says itself how sure it is.
        ratio: readSpread(against.at('ratio'), 1),
      })),
    },
  };
}

function readPercentile(point: Field): readonly [number, number] {
  const [percent, wait, ...more] = point.list();
  if (percent === undefined || wait === undefined || more.length > 0)
    return point.refuse('a percentage and nanoseconds');
  return [percent.number((number) => number >= 0 && number <= 100, 'a percentage'), wait.amount()];
}

/** @param older how it was called up to the second edition */
function named(object: Field, name: string, older: string): Field {
  return object.at(object.names().includes(older) && !object.names().includes(name) ? older : name);
}

function readOutcomes(counts: Field): Stats {
  const count = (name: keyof Stats): number => counts.at(name).count();
  return {
    entered: count('entered'),
    undisturbed: count('undisturbed'),
    yielded: count('yielded'),
    raced: count('raced'),
    preempted: named(counts, 'preempted', 'revoked').count(),
    nested: count('nested'),
  };
}
