/**
 * The command `bench`: what sections and locks cost and what slices change, on this
 * machine. It reads the options, shows what goes on and writes the records; what is
 * measured, and how, is in `lib/bench/`.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { aggregate } from '../bench/locks/aggregate.ts';
import { loadKinds, OWN_KINDS } from '../bench/locks/kinds.ts';
import { LOCKS_OPTIONS, MOST_WORKERS, readLocksOptions } from '../bench/locks/options.ts';
import type { LocksOptions } from '../bench/locks/options.ts';
import { prepareLocks } from '../bench/locks/prepare.ts';
import { runLocks } from '../bench/locks/run.ts';
import type { LocksRecord, Progress } from '../bench/locks/run.ts';
import { failuresOf, formatBriefly, formatLocks } from '../bench/locks/table.ts';
import { WORKLOADS } from '../bench/locks/workloads.ts';
import { describeMachine, withoutPaths } from '../bench/machine.ts';
import { formatLoops, formatRecord } from '../bench/sections/report.ts';
import { FEWEST_ROUNDS, LONGEST_BATCH, MOST_ROUNDS, runSections } from '../bench/sections/run.ts';
import type { SectionsRecord } from '../bench/sections/run.ts';
import { RseqSliceError } from '../errors.ts';
import { ExitCode, hasColour, painter, readNumber, UsageError } from './command.ts';
import type { AddCommand, Paint } from './command.ts';
import { LiveLines } from './live.ts';

const BENCHMARKS = ['sections', 'locks'] as const;
type Benchmark = (typeof BENCHMARKS)[number];

/** Its own fault, as the shell tells it: 128 and the signal's number. */
const TERMINATED = 143;

/** As many threads as CPUs and twice as many, and one that is alone. */
function defaultWorkers(): string {
  const busy = Math.min(Math.max(2, availableParallelism()), MOST_WORKERS / 2);
  return [1, busy, 2 * busy].join(',');
}

/** Both in less than a minute on two CPUs. */
const QUICK = { sectionRounds: 31, batch: 4, workers: defaultWorkers(), section: '1', lock: 'mutex,spin', slices: 'on,off', workload: 'loop', rounds: 3, seconds: 0.25, warm: 0.15, sample: 8 };

const USAGE = `bench [sections|locks] [options]

  sections  what entering and leaving costs when nobody contends
  locks     throughput, waits and fairness of locks between worker threads, with slices and without
  Without a name both are measured, quickly. What is compared takes turns, round by round.

  Exit codes: ${ExitCode.Done} done; ${ExitCode.Failed} a lock did not exclude, something failed, or nothing could be measured;
  ${ExitCode.Usage} wrong usage, nothing was done; ${ExitCode.Interrupted} interrupted, ${TERMINATED} terminated: records then have the rounds that were done.`;

type RawOptions = Readonly<Record<string, unknown>>;

interface Request {
  readonly benchmarks: readonly Benchmark[];
  readonly sections: { readonly rounds: number; /** ns. */ readonly batch: number };
  readonly locks: LocksOptions;
  /** null: no record; '-': stdout. */
  readonly json: string | null;
  /** Nothing was said about how long to measure. */
  readonly quick: boolean;
}

/** @throws {UsageError} */
function readJson(value: unknown): string | null {
  if (value === undefined) return null;
  if (value === true) return '-';
  if (typeof value !== 'string' && typeof value !== 'number') throw new UsageError('--json wants one file.');
  const file = String(value);
  if (BENCHMARKS.some((name) => name === file)) throw new UsageError(`--json takes '${file}' for the name of a file. Write the name of the benchmark first, or --json=./${file}.`);
  if (file === '-') return file;
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new UsageError(`--json cannot write to '${file}': ${error instanceof Error ? error.message : String(error)}.`);
  }
  return file;
}

/** @throws {UsageError} */
function readRequest(name: string | undefined, raw: RawOptions): Request {
  const benchmark = name === undefined ? null : BENCHMARKS.find((known) => known === name);
  if (benchmark === undefined) throw new UsageError(`There is no benchmark '${String(name)}', but ${BENCHMARKS.join(', ')}.`);
  const others = benchmark === 'sections' ? LOCKS_OPTIONS.filter((option) => option !== 'rounds') : benchmark === 'locks' ? ['batch'] : [];
  const alien = others.find((option) => raw[option] !== undefined);
  if (alien !== undefined) throw new UsageError(`--${alien} is an option of the other benchmark, ${benchmark === 'sections' ? 'locks' : 'sections'}.`);
  const locks = readLocksOptions({ ...QUICK, gap: undefined, ...raw, ...(benchmark === 'sections' ? { rounds: QUICK.rounds } : {}) }, OWN_KINDS.map((kind) => kind.name));
  const least = benchmark === null ? 1 : FEWEST_ROUNDS;
  const isRounds = (number: number): boolean =>
    Number.isInteger(number) && (benchmark === 'locks' || number >= least) && number <= MOST_ROUNDS;
  const wanted = `a whole number from ${least} to ${MOST_ROUNDS}`;
  const rounds = readNumber('rounds', raw['rounds'] ?? QUICK.sectionRounds, isRounds, wanted);
  const batch = readNumber('batch', raw['batch'] ?? QUICK.batch, (number) => number > 0 && number <= LONGEST_BATCH, `milliseconds up to ${LONGEST_BATCH}`);
  return {
    benchmarks: benchmark === null ? BENCHMARKS : [benchmark],
    sections: { rounds: Math.max(FEWEST_ROUNDS, rounds), batch: batch * 1e6 },
    locks,
    json: readJson(raw['json']),
    quick: ['rounds', 'seconds', 'batch'].every((option) => raw[option] === undefined),
  };
}

/** Where tables, progress and records go. */
class Output {
  readonly live = new LiveLines(process.stderr);
  readonly paint: Paint;
  readonly #file: string | null;
  readonly #tables: NodeJS.WriteStream;
  readonly #records = new Map<Benchmark, SectionsRecord | LocksRecord>();

  constructor(file: string | null) {
    this.#file = file;
    this.#tables = file === '-' ? process.stderr : process.stdout;
    this.paint = painter(hasColour(this.#tables));
  }

  say(text: string): void {
    this.live.clear();
    this.#tables.write(text);
  }

  /** One line where nothing can be rewritten. */
  announce(text: string): void {
    if (!this.live.isOn) process.stderr.write(`${text}\n`);
  }

  /** A record, or a newer version of it. */
  keep(record: SectionsRecord | LocksRecord): void {
    this.#records.set(record.benchmark, record);
    if (this.#file !== null && this.#file !== '-') writeFileSync(this.#file, this.#text());
  }

  finish(): void {
    if (this.#file === '-' && this.#records.size > 0) process.stdout.write(this.#text());
  }

  #text(): string {
    const records = [...this.#records.values()];
    return `${JSON.stringify(records.length === 1 ? records[0] : records, null, 1)}\n`;
  }
}

const describeCommand = (): ReturnType<typeof describeMachine> => describeMachine(['rseq-slice', ...withoutPaths(process.argv.slice(2), ['--json'])].join(' '));

async function benchSections({ sections }: Request, output: Output): Promise<ExitCode> {
  let shown: Parameters<typeof formatLoops>[0] = [];
  const { loops, samples, record } = await runSections(
    describeCommand(),
    {
      ...sections,
      onRound: (done, samples) => {
        output.live.show(() => `${formatLoops(shown, samples)}\nsections: round ${done} of ${sections.rounds}`);
      },
    },
    (all) => {
      shown = all;
      output.announce(`sections: ${sections.rounds} rounds of ${all.length} loops`);
      output.live.show(() => 'sections: warming up');
    },
  );
  output.keep(record);
  output.say(formatRecord(record, loops, samples, output.paint));
  return ExitCode.Done;
}

async function benchLocks({ locks: options }: Request, output: Output): Promise<ExitCode> {
  const prepared = await prepareLocks(options, { kinds: await loadKinds(null), module: null });
  if (prepared.settings.size === 0) {
    output.live.clear();
    process.stderr.write(`rseq-slice bench: there is nothing to measure.\n${prepared.notes.map((note) => `${note}\n`).join('')}`);
    return ExitCode.Failed;
  }
  const onTurn = ({ turn, round, place, turns }: Progress, runs: LocksRecord['runs']): void => {
    const where = `locks: round ${round + 1} of ${options.rounds}, ${place + 1} of ${turns}`;
    if (place === 0) output.announce(where);
    const { kind, workers, section, slices } = turn;
    output.live.show(() => `${formatBriefly(aggregate(runs).cells)}\n${where}: ${kind}, ${workers} workers, ${section} us, slices ${slices}`);
  };
  const record = await runLocks(describeCommand(), options, prepared, {
    onTurn,
    onRound: (record) => {
      output.keep(record);
    },
  });
  output.say(formatLocks(record, output.paint));
  return failuresOf(record.runs).length > 0 ? ExitCode.Failed : ExitCode.Done;
}

async function bench(request: Request): Promise<ExitCode> {
  const output = new Output(request.json);
  for (const [signal, code] of [['SIGINT', ExitCode.Interrupted], ['SIGTERM', TERMINATED]] as const) {
    process.once(signal, () => {
      output.live.clear();
      // What measures in processes of its own ends with this one.
      process.exit(code);
    });
  }
  const codes: ExitCode[] = [];
  try {
    for (const benchmark of request.benchmarks) {
      if (codes.length > 0) output.say('\n');
      codes.push(await (benchmark === 'sections' ? benchSections : benchLocks)(request, output));
    }
  } catch (error) {
    if (!RseqSliceError.is(error)) throw error;
    output.live.clear();
    process.stderr.write(`rseq-slice bench: ${error.message}\n`);
    return ExitCode.Failed;
  }
  if (request.quick) {
    output.say(output.paint('dim', '\nThese figures are quick and rough. Better ones: rseq-slice bench sections --rounds 201, rseq-slice bench locks --rounds 11 --seconds 2') + '\n');
  }
  output.finish();
  return Math.max(...codes) as ExitCode;
}

const listed = (all: Iterable<{ readonly name: string }>): string => [...all].map(({ name }) => name).join(', ');

export const addBench: AddCommand = (cli) => {
  cli
    .command('bench [benchmark]', 'Measure sections and locks on this machine')
    .usage(USAGE)
    .option('--rounds <N>', `How often everything is measured (locks: ${QUICK.rounds}; sections: ${QUICK.sectionRounds}, at least ${FEWEST_ROUNDS})`)
    .option('--batch <MS>', `Sections: how long one loop runs in a round (${QUICK.batch})`)
    .option('--workers <N,…>', `Locks: worker threads that want the lock (${QUICK.workers})`)
    .option('--section <US,…>', `Locks: microseconds of work with the lock held (${QUICK.section})`)
    .option('--gap <US,…>', 'Locks: microseconds of work between two sections (as long as the section)')
    .option('--lock <NAME,…>', `Locks: which of ${listed(OWN_KINDS)} (${QUICK.lock})`)
    .option('--slices <on,off>', `Locks: with slices, without, or both in turns (${QUICK.slices})`)
    .option('--workload <NAME>', `Locks: what is done with the lock held, of ${listed(WORKLOADS.values())} (${QUICK.workload})`)
    .option('--seconds <S>', `Locks: how long one measurement is (${QUICK.seconds})`)
    .option('--warm <S>', `Locks: seconds of CPU that each worker works before it, or more until V8 has compiled it (${QUICK.warm})`)
    .option('--sample <N>', `Locks: the wait of one in so many sections is timed (${QUICK.sample})`)
    .option('--json [FILE]', 'A record to FILE, or to stdout (tables then go to stderr); an array where both are measured. Format: schema/bench.schema.json')
    .example((bin) => `  $ ${bin} bench`)
    .example((bin) => `  $ ${bin} bench sections --rounds 201 --json sections.json`)
    .example((bin) => `  $ ${bin} bench locks --lock mutex --workers 2,8 --section 0.2,5 --rounds 11 --seconds 2`)
    .action((name: string | undefined, options: RawOptions) => bench(readRequest(name, options)));
};
