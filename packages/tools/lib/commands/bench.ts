// SPDX-License-Identifier: MIT
/**
 * The command `bench`: what sections and locks cost and what slices change, on this
 * machine. It reads the options, shows what goes on and writes the records; what is
 * measured, and how, is in `packages/tools/lib/bench/`.
 */
import { statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
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
import type { Machine } from '../bench/machine.ts';
import {
  BUDGET,
  describeFacts,
  readMachineFacts,
  readRepository,
  recipeFor,
  whereToSend,
  withoutPrivate,
} from '../bench/recipe.ts';
import { FEWEST_SAMPLES } from '../bench/statistics.ts';
import { formatLoops, formatRecord } from '../bench/sections/report.ts';
import { FEWEST_ROUNDS, LONGEST_BATCH, MOST_ROUNDS, runSections } from '../bench/sections/run.ts';
import type { SectionsRecord } from '../bench/sections/record.ts';
import { RseqSliceError } from 'rseq-slice';
import {
  ExitCode,
  LiveLines,
  UsageError,
  complain,
  hasColour,
  messageOf,
  painter,
  readNumber,
  requireWritable,
  widthOf,
  wrap,
} from 'rseq-slice/internal';
import type { AddCommand, TableStyle } from 'rseq-slice/internal';

/** Those that are measured without a name. */
const BENCHMARKS = ['sections', 'locks'] as const;
const MACHINE = 'machine';
const NAMES = [...BENCHMARKS, MACHINE] as const;
const MACHINE_FILE = 'rseq-slice-machine.json';
type Benchmark = (typeof BENCHMARKS)[number];

/** Its own fault, as the shell tells it: 128 and the signal's number. */
const TERMINATED = 143;

/**
 * As many threads as CPUs, and twice as many. Of one that is alone, the benchmark of sections
 * tells.
 */
function defaultWorkers(): string {
  const busy = Math.min(Math.max(2, availableParallelism()), MOST_WORKERS / 2);
  return [busy, 2 * busy].join(',');
}

/** Both in about a minute on two CPUs, with as many rounds as an interval needs to be believed. */
const QUICK = {
  sectionRounds: 31,
  batch: 4,
  workers: defaultWorkers(),
  section: '1',
  lock: 'mutex,spin',
  slices: 'on,off',
  workload: 'loop',
  rounds: FEWEST_SAMPLES,
  seconds: 0.25,
  warm: 0.15,
  sample: 8,
  count: 0,
};

const USAGE = `bench [sections|locks|machine] [options]

  sections  what entering and leaving costs without contention
  locks     throughput, waits and fairness of locks between worker threads, with slices and without
  machine   a fixed choice of locks, sections and numbers of workers, in under five minutes, into one file to send
  Without a name both are measured, in about a minute. Compared settings take turns, round by round.

  Exit codes: ${ExitCode.Done} done; ${ExitCode.Failed} a lock did not exclude, something failed, nothing could be measured, or the record could not be written; ${ExitCode.Usage} usage error, nothing was done; ${ExitCode.Interrupted} interrupted, ${TERMINATED} terminated: a record of locks then has the rounds that were done.`;

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

/** What `bench machine` is to do. */
interface Recipe {
  /** Seconds. */
  readonly budget: number;
  readonly json: string | null;
}

/** @throws {UsageError} */
function readJson(value: unknown): string | null {
  if (value === undefined) return null;
  if (value === true) return '-';
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new UsageError('--json wants one file.');
  const file = String(value);
  if (NAMES.some((name) => name === file))
    throw new UsageError(
      `--json takes '${file}' for the name of a file. Write the name of the benchmark first, or --json=./${file}.`,
    );
  if (file !== '-') requireWritable('--json', file);
  return file;
}

/** @throws {UsageError} */
function readRecipe(raw: RawOptions): Recipe {
  const alien = [...LOCKS_OPTIONS, 'batch'].find((option) => raw[option] !== undefined);
  if (alien !== undefined)
    throw new UsageError(
      `--${alien} is no option of bench ${MACHINE}, which is the same everywhere.`,
    );
  const budget = readNumber(
    'budget',
    raw['budget'] ?? BUDGET,
    (number) => number > 0 && number <= 3600,
    'seconds up to 3600',
  );
  return { budget, json: raw['json'] === undefined ? MACHINE_FILE : readJson(raw['json']) };
}

/** @throws {UsageError} */
function readRequest(name: string | undefined, raw: RawOptions): Request {
  const benchmark = name === undefined ? null : BENCHMARKS.find((known) => known === name);
  if (benchmark === undefined)
    throw new UsageError(`There is no benchmark '${String(name)}', but ${NAMES.join(', ')}.`);
  const others =
    benchmark === 'sections'
      ? LOCKS_OPTIONS.filter((option) => option !== 'rounds')
      : benchmark === 'locks'
        ? ['batch']
        : [];
  if (raw['budget'] !== undefined)
    throw new UsageError(`--budget is an option of bench ${MACHINE} only.`);
  const alien = others.find((option) => raw[option] !== undefined);
  if (alien !== undefined)
    throw new UsageError(
      `--${alien} is an option of the other benchmark, ${benchmark === 'sections' ? 'locks' : 'sections'}.`,
    );
  const locks = readLocksOptions(
    {
      ...QUICK,
      gap: undefined,
      ...raw,
      ...(benchmark === 'sections' ? { rounds: QUICK.rounds } : {}),
    },
    OWN_KINDS.map((kind) => kind.name),
  );
  const least = benchmark === null ? 1 : FEWEST_ROUNDS;
  const isRounds = (number: number): boolean =>
    Number.isInteger(number) && (benchmark === 'locks' || number >= least) && number <= MOST_ROUNDS;
  const wanted = `a whole number from ${least} to ${MOST_ROUNDS}`;
  const rounds = readNumber('rounds', raw['rounds'] ?? QUICK.sectionRounds, isRounds, wanted);
  const batch = readNumber(
    'batch',
    raw['batch'] ?? QUICK.batch,
    (number) => number > 0 && number <= LONGEST_BATCH,
    `milliseconds up to ${LONGEST_BATCH}`,
  );
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
  readonly style: Required<TableStyle>;
  /** What was told, so that two benchmarks of one run do not tell it twice. */
  readonly said = new Set<string>();
  readonly #file: string | null;
  readonly #tables: NodeJS.WriteStream;
  readonly #records = new Map<Benchmark, SectionsRecord | LocksRecord>();

  constructor(file: string | null) {
    this.#file = file;
    this.#tables = file === '-' ? process.stderr : process.stdout;
    this.style = { paint: painter(hasColour(this.#tables)), width: widthOf(this.#tables) };
  }

  say(text: string): void {
    this.live.clear();
    this.#tables.write(text);
  }

  /** A record, or a newer version of it. */
  keep(record: SectionsRecord | LocksRecord): void {
    this.#records.set(record.benchmark, record);
    if (
      this.#file === null ||
      this.#file === '-' ||
      statSync(this.#file, { throwIfNoEntry: false })?.isFile() === false
    )
      return;
    try {
      writeFileSync(this.#file, this.#text());
    } catch {
      // What is wrong may be mended before the end, which tries again.
    }
  }

  /** @returns whether the records are where they should be */
  finish(): boolean {
    if (this.#file === null || this.#records.size === 0) return true;
    if (this.#file === '-') {
      process.stdout.write(this.#text());
      return true;
    }
    try {
      writeFileSync(this.#file, this.#text());
      return true;
    } catch (error) {
      complain(
        `rseq-slice bench: the record could not be written to ${this.#file}: ${messageOf(error)}.${this.#rescue()}`,
      );
      return false;
    }
  }

  /** What was measured for minutes is not thrown away. */
  #rescue(): string {
    const file = join(tmpdir(), `rseq-slice-bench-${process.pid}.json`);
    try {
      writeFileSync(file, this.#text());
      return ` It is in ${file} instead.`;
    } catch (error) {
      return ` Nor could it be written to ${file}: ${messageOf(error)}.`;
    }
  }

  #text(): string {
    const records = [...this.#records.values()];
    return `${JSON.stringify(records.length === 1 ? records[0] : records, null, 1)}\n`;
  }
}

const describeCommand = (): Machine =>
  describeMachine(['rseq-slice', ...withoutPaths(process.argv.slice(2), ['--json'])].join(' '));

async function benchSections(
  { sections }: Request,
  output: Output,
  machine: Machine,
): Promise<ExitCode> {
  let shown: Parameters<typeof formatLoops>[0] = [];
  const { loops, samples, record } = await runSections(
    machine,
    {
      ...sections,
      onRound: (done, samples) => {
        output.live.show(
          () => `${formatLoops(shown, samples)}\nsections: round ${done} of ${sections.rounds}`,
          1,
        );
      },
    },
    (all) => {
      shown = all;
      output.live.show(() => 'sections: warming up');
    },
  );
  output.keep(record);
  output.say(formatRecord(record, loops, samples, output.style, output.said));
  return ExitCode.Done;
}

async function benchLocks(
  { locks: options }: Request,
  output: Output,
  machine: Machine,
): Promise<ExitCode> {
  const prepared = await prepareLocks(options, { kinds: await loadKinds(null), module: null });
  if (prepared.settings.size === 0) {
    output.live.clear();
    complain(
      `rseq-slice bench: there is nothing to measure.${prepared.notes.map((note) => `\n${note}`).join('')}`,
    );
    return ExitCode.Failed;
  }
  const onTurn = ({ turn, round, place, turns }: Progress, runs: LocksRecord['runs']): void => {
    const where = `locks: round ${round + 1} of ${options.rounds}, ${place + 1} of ${turns}`;
    const { kind, workers, section, slices } = turn;
    output.live.show(
      () =>
        `${formatBriefly(aggregate(runs).cells)}\n${where}: ${kind}, ${workers} workers, ${section} us, slices ${slices}`,
      1,
    );
  };
  const record = await runLocks(machine, options, prepared, {
    onTurn,
    onRound: (record) => {
      output.keep(record);
    },
  });
  output.say(formatLocks(record, output.style, output.said));
  return failuresOf(record).length > 0 ? ExitCode.Failed : ExitCode.Done;
}

/** Below that there is time for one cell only. */
const SHORT_BUDGET = 60;

async function benchMachine({ budget, json }: Recipe): Promise<ExitCode> {
  const output = new Output(json);
  handleSignals(output);
  const until = performance.now() + budget * 1000;
  const facts = readMachineFacts();
  const options = recipeFor(facts, budget < SHORT_BUDGET);
  const prepared = await prepareLocks(options, { kinds: await loadKinds(null), module: null });
  output.say(`${describeFacts(facts)}\n`);
  let [before, longest] = [performance.now(), 0];
  const record = await runLocks(
    { ...describeMachine(`rseq-slice bench ${MACHINE}`), machine: facts },
    options,
    prepared,
    {
      mayGoOn: () => {
        const now = performance.now();
        longest = Math.max(longest, now - before);
        before = now;
        return now + longest < until;
      },
      onRound: (record) => {
        output.keep(withoutPrivate(record));
      },
      onTurn: ({ turn, round }) => {
        const left = Math.max(0, Math.round((until - performance.now()) / 1000));
        output.live.show(
          () =>
            `machine: ${left} s left; round ${round + 1}: ${turn.kind}, ${turn.workers} workers, ${turn.section} us`,
        );
      },
    },
  );
  const sent = withoutPrivate(record);
  output.keep(sent);
  output.say(formatLocks(sent, output.style));
  const isKept = output.finish();
  if (isKept && json !== null && json !== '-') {
    const { width } = output.style;
    output.say(`\n${wrap(whereToSend(json, readRepository()), width)}\n`);
  }
  return isKept && failuresOf(record).length === 0 && record.cells.length > 0
    ? ExitCode.Done
    : ExitCode.Failed;
}

function handleSignals(output: Output): void {
  for (const [signal, code] of [
    ['SIGINT', ExitCode.Interrupted],
    ['SIGTERM', TERMINATED],
  ] as const) {
    process.once(signal, () => {
      output.live.clear();
      output.finish();
      // What measures in processes of its own ends with this one.
      process.exit(code);
    });
  }
}

async function bench(request: Request): Promise<ExitCode> {
  const output = new Output(request.json);
  handleSignals(output);
  const codes: ExitCode[] = [];
  // Before the first: what it makes of the load is none of the machine's.
  const { load } = describeCommand();
  try {
    for (const benchmark of request.benchmarks) {
      if (codes.length > 0) output.say('\n');
      codes.push(
        await (benchmark === 'sections' ? benchSections : benchLocks)(request, output, {
          ...describeCommand(),
          load,
        }),
      );
    }
  } catch (error) {
    if (!RseqSliceError.is(error)) throw error;
    output.live.clear();
    complain(`rseq-slice bench: ${error.message}`);
    return ExitCode.Failed;
  }
  if (request.quick) {
    const { paint, width } = output.style;
    output.say(
      `\n${paint('dim', wrap('Narrower intervals take longer: rseq-slice bench sections --rounds 201, rseq-slice bench locks --rounds 12 --seconds 2.', width))}\n`,
    );
  }
  const isKept = output.finish();
  return isKept ? (Math.max(...codes) as ExitCode) : ExitCode.Failed;
}

const listed = (all: Iterable<{ readonly name: string }>): string =>
  [...all].map(({ name }) => name).join(', ');

export const addBench: AddCommand = (cli) => {
  cli
    .command('bench [benchmark]', 'Measure sections and locks on this machine')
    .usage(USAGE)
    .option(
      '--rounds <N>',
      `How often everything is measured (locks: ${QUICK.rounds}; sections: ${QUICK.sectionRounds}, at least ${FEWEST_ROUNDS})`,
    )
    .option('--batch <MS>', `Sections: how long one loop runs in a round (${QUICK.batch})`)
    .option('--workers <N,…>', `Locks: worker threads that want the lock (${QUICK.workers})`)
    .option('--section <US,…>', `Locks: microseconds of work with the lock held (${QUICK.section})`)
    .option(
      '--gap <US,…>',
      'Locks: microseconds of work between two sections (as long as the section)',
    )
    .option('--lock <NAME,…>', `Locks: which of ${listed(OWN_KINDS)} (${QUICK.lock})`)
    .option('--slices <on,off>', `Locks: with slices, without, or both in turns (${QUICK.slices})`)
    .option(
      '--workload <NAME>',
      `Locks: what is done with the lock held, of ${listed(WORKLOADS.values())} (${QUICK.workload})`,
    )
    .option('--seconds <S>', `Locks: how long one measurement is (${QUICK.seconds})`)
    .option(
      '--warm <S>',
      `Locks: seconds of CPU that each worker works before it, or more until V8 has compiled it (${QUICK.warm})`,
    )
    .option('--sample <N>', `Locks: time the wait of one section in this many (${QUICK.sample})`)
    .option(
      '--count <N>',
      `Locks: in how many rounds to measure each cell once more, and count what its lock does: parks, wakes, system calls, operations on shared words (${QUICK.count})`,
    )
    .option('--budget <S>', `Machine: seconds for all of it (${BUDGET})`)
    .option(
      '--json [FILE]',
      `A record to FILE, or to stdout (tables then go to stderr); an array where both are measured. Machine: by default to ${MACHINE_FILE}. Format: rseq-slice-tools/schema/bench.schema.json`,
    )
    .example((bin) => `  $ ${bin} bench`)
    .example((bin) => `  $ ${bin} bench sections --rounds 201 --json sections.json`)
    .example((bin) => `  $ ${bin} bench locks --workers 2,8 --rounds 12 --seconds 2`)
    .example((bin) => `  $ ${bin} bench machine`)
    .action((name: string | undefined, options: RawOptions) =>
      name === MACHINE ? benchMachine(readRecipe(options)) : bench(readRequest(name, options)),
    );
};
