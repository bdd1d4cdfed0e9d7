// SPDX-License-Identifier: MIT
/**
 * How many sections a second locks let through, how long one waits for them, and
 * what slice extensions change about both. One measurement is in `cell.ts`; which
 * can be had here was found out by `prepare.ts`.
 */
import { fileURLToPath } from 'node:url';
import { probe } from 'rseq-slice';
import { SCHEMA } from '../machine.ts';
import type { Machine } from '../machine.ts';
import { aggregate, summarizeCounts } from './aggregate.ts';
import type { CellSummary, CountSummary, PairSummary, Run } from './aggregate.ts';
import { measureSpeed } from './calibrate.ts';
import type { Measured } from './cell.ts';
import { compareKinds, factsOf, overallOf } from './compare.ts';
import type { Comparison, KindFacts, Overall } from './compare.ts';
import type { CellJob } from './jobs.ts';
import type { Clock } from './clock.ts';
import { kindOf } from './kinds.ts';
import type { Kind } from './kinds.ts';
import type { LocksOptions } from './options.ts';
import type { LoopProgram, Prepared } from './prepare.ts';
import { planRound } from './rounds.ts';
import type { Turn } from './rounds.ts';
import { runProgram } from './run-program.ts';

const cellProgram = fileURLToPath(new URL('cell.js', import.meta.url));

/** Seconds beside those measured; emulation takes its time to start threads. */
const PATIENCE = 300;
/** The same where there is little time for all of it. */
const LITTLE_PATIENCE = 60;

/** Units of work in a microsecond, one worker alone. */
interface UnitSpeed {
  readonly loop: number;
  /** Of the workload. */
  readonly work: number;
  /** Increments in C; null: nothing in C was measured. */
  readonly pthread: number | null;
}

export type LocksRecord<About extends Machine = Machine> = {
  readonly schema: typeof SCHEMA;
  readonly benchmark: 'locks';
} & About & {
    readonly clock: Clock & { readonly cost: number };
    /** Length of an extension, ns; null: not known, which needs debugfs and root. */
    readonly extension: number | null;
    readonly workload: string;
    readonly unitsPerMicrosecond: UnitSpeed;
    readonly options: LocksOptions;
    /** Whether all rounds are in it. */
    readonly complete: boolean;
    readonly notes: readonly string[];
    readonly cells: readonly CellSummary[];
    readonly pairs: readonly PairSummary[];
    readonly runs: readonly Run[];
    /** What was counted of each cell, apart from what was timed. */
    readonly counts: readonly CountSummary[];
    /** The runs in which that was done, whose times are longer than they would be. */
    readonly countedRuns: readonly Run[];
    /** Of the locks that were measured. */
    readonly kinds: readonly KindFacts[];
    /** How ours stand to the others in each cell, where there are others. */
    readonly comparisons: readonly Comparison[];
    /** And in all cells. */
    readonly overall: readonly Overall[];
  };

/** What is measured next: the one at `place`, from 0, of `turns` in this round. */
export interface Progress {
  readonly turn: Turn;
  readonly round: number;
  readonly place: number;
  readonly turns: number;
}

export interface LocksWatcher<About extends Machine> {
  readonly onTurn?: (progress: Progress, runs: readonly Run[]) => void;
  /** With the record so far. */
  readonly onRound?: (record: LocksRecord<About>) => void;
  /** Whether there is time for another measurement; absent: always. Else the record ends there. */
  readonly mayGoOn?: () => boolean;
}

function jobOf(
  turn: Turn,
  { locks: { kinds, module }, clock }: Prepared,
  speed: UnitSpeed,
  options: LocksOptions,
  count: boolean,
): CellJob {
  const { kind, slices, workers, section, gap } = turn;
  const { workload, seconds, warm, sample, mostWarm } = options;
  const inC = kindOf(kinds, kind).runner === 'program';
  const [work, loop] = inC
    ? [speed.pthread ?? NaN, speed.pthread ?? NaN]
    : [speed.work, speed.loop];
  const amounts = {
    units: Math.max(1, Math.round(section * work)),
    gapUnits: Math.round(gap * loop),
  };
  return {
    kind,
    slices,
    workers,
    workload,
    ...amounts,
    seconds,
    warm,
    sample,
    inSection: clock.inSection,
    count,
    ...(mostWarm === undefined ? {} : { mostWarm }),
    kinds: module,
  };
}

async function measure(
  turn: Turn,
  round: number,
  job: CellJob,
  program: LoopProgram | null,
): Promise<Run> {
  const patience = job.mostWarm === undefined ? PATIENCE : LITTLE_PATIENCE;
  const deadline = patience + 10 * (job.seconds + job.warm * turn.workers);
  try {
    const measured = await (program === null
      ? (runProgram(
          process.execPath,
          [...process.execArgv, cellProgram, JSON.stringify(job)],
          deadline,
        ) as Promise<Measured>)
      : program.run(job, deadline));
    return { round, ...turn, measured, error: null };
  } catch (error) {
    return {
      round,
      ...turn,
      measured: null,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

/** @param prepared with something to measure */
export async function runLocks<About extends Machine>(
  about: About,
  options: LocksOptions,
  prepared: Prepared,
  { onTurn, onRound, mayGoOn = () => true }: LocksWatcher<About> = {},
): Promise<LocksRecord<About>> {
  const { locks, settings, program, clock } = prepared;
  const { units, clock: cost } = await measureSpeed(['loop', options.workload]);
  const speed = {
    loop: units.get('loop') ?? NaN,
    work: units.get(options.workload) ?? NaN,
    pthread: program?.speed ?? null,
  };
  // Of the sampled sections only, but those are longer by it: a reason to sample fewer.
  const reading = `A clock reading takes ${Math.round(cost)} ns; one in ${options.sample} sections has ${clock.inSection ? 'one inside' : 'none inside'}.`;
  const runs: Run[] = [];
  const countedRuns: Run[] = [];
  const measured = [...settings.keys()].map((name) => factsOf(kindOf(locks.kinds, name)));
  /** @param rounds that were begun */
  const recordOf = (complete: boolean, rounds = options.rounds): LocksRecord<About> => {
    const comparisons = compareKinds(runs, measured);
    return {
      schema: SCHEMA,
      benchmark: 'locks',
      ...about,
      clock: { ...clock, cost },
      extension: probe().kernel.extension,
      workload: options.workload,
      unitsPerMicrosecond: speed,
      options: { ...options, rounds },
      complete,
      notes: [...prepared.notes, reading],
      ...aggregate(runs),
      runs,
      counts: summarizeCounts(countedRuns),
      countedRuns,
      kinds: measured,
      comparisons,
      overall: overallOf(comparisons),
    };
  };
  const runnerOf = ({ kind }: Turn): Kind['runner'] => kindOf(locks.kinds, kind).runner;
  const isCounted = (turn: Turn): boolean => runnerOf(turn) === 'workers';
  for (let round = 0; round < options.rounds; round++) {
    const turns = planRound(options, settings, round);
    const run = (turn: Turn, count: boolean): Promise<Run> =>
      measure(
        turn,
        round,
        jobOf(turn, prepared, speed, options, count),
        runnerOf(turn) === 'program' ? program : null,
      );
    for (const [place, turn] of turns.entries()) {
      if (!mayGoOn()) return recordOf(false, place === 0 ? Math.max(1, round) : round + 1);
      onTurn?.({ turn, round, place, turns: turns.length }, runs);
      runs.push(await run(turn, false));
    }
    // Tasks of one thread share no memory, and C is not looked into.
    const counted = round < options.count ? turns.filter(isCounted) : [];
    for (const [place, turn] of counted.entries()) {
      if (!mayGoOn()) return recordOf(false, round + 1);
      onTurn?.({ turn, round, place, turns: counted.length }, runs);
      countedRuns.push(await run(turn, true));
    }
    onRound?.(recordOf(round + 1 === options.rounds));
  }
  return recordOf(true);
}
