// SPDX-License-Identifier: MIT
/**
 * `bench machine`: one measurement of the locks that is the same on every machine and over in a few
 * minutes, for people who have a machine with many CPUs and want to send its figures. What there is
 * in the record is of the hardware, the kernel and Node, and of nobody.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { probe } from 'rseq-slice';
import type { LocksOptions } from './locks/options.ts';
import type { LocksRecord } from './locks/run.ts';

/** Seconds for all of it, at most. */
export const BUDGET = 270;
/** Seconds of one measurement, without what it takes to start and to warm up. */
const SECONDS = 0.25;
/** A process with more threads than that has other troubles. */
const MOST_WORKERS = 256;
/** Those of this library, and what each is compared with. */
const LOCKS = ['mutex', 'textbook', 'spin', 'bare-cas', 'rw-95', 'textbook-rw-95'];

/** What decides how locks do, beyond what every record has. */
export interface MachineFacts {
  /** CPUs that this process may use. */
  readonly available: number;
  /** null: not known, as all that follow. */
  readonly numaNodes: number | null;
  /** Whether two CPUs may share a core. */
  readonly smt: boolean | null;
  /** Of the first CPU's frequency. */
  readonly governor: string | null;
  readonly slices: boolean;
  /** Why there are none, a word; null: there are. */
  readonly reason: string | null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

function countNodes(): number | null {
  try {
    return readdirSync('/sys/devices/system/node').filter((name) => /^node\d+$/.test(name)).length;
  } catch {
    return null;
  }
}

export function readMachineFacts(): MachineFacts {
  const { available, reason } = probe().slices;
  const smt = read('/sys/devices/system/cpu/smt/active');
  return {
    available: availableParallelism(),
    numaNodes: countNodes(),
    smt: smt === null ? null : smt === '1',
    governor: read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    slices: available,
    reason: available ? null : reason,
  };
}

/** 1, 2, half as many as there are CPUs, as many, and twice as many. */
export function workersFor(count: number): number[] {
  const all = [1, 2, Math.floor(count / 2), count, 2 * count].map((workers) =>
    Math.min(MOST_WORKERS, Math.max(1, workers)),
  );
  return [...new Set(all)].sort((a, b) => a - b);
}

/** Rounds follow one another until the time is over: as many as there is time for. */
const ROUNDS = 12;

/** @param isShort for tests: a single cell */
export function recipeFor(facts: MachineFacts, isShort: boolean): LocksOptions {
  return {
    workers: isShort ? [2] : workersFor(facts.available),
    sections: isShort ? [1] : [0.2, 1, 5],
    gaps: null,
    locks: LOCKS,
    slices: facts.slices ? ['on', 'off'] : ['off'],
    workload: 'loop',
    rounds: ROUNDS,
    seconds: SECONDS,
    warm: 0.1,
    sample: 8,
    count: 1,
    mostWarm: 1,
  };
}

/** Files of this machine, which a stack trace has. */
const PATH = /(?:file:\/\/)?(?:[A-Za-z]:)?(?:[/\\][\w .@+-]+){2,}/g;

/** The record without what is of this machine's user: what failed may name files. */
export function withoutPrivate(record: LocksRecord): LocksRecord {
  const clean = (text: string | null): string | null => text?.replace(PATH, '<file>') ?? null;
  const cleanRuns = (runs: LocksRecord['runs']): LocksRecord['runs'] =>
    runs.map((run) => ({ ...run, error: clean(run.error) }));
  return {
    ...record,
    notes: record.notes.map((note) => note.replace(PATH, '<file>')),
    runs: cleanRuns(record.runs),
    countedRuns: cleanRuns(record.countedRuns),
  };
}

const plural = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

/** One line for people. */
export function describeFacts(facts: MachineFacts): string {
  const { available, numaNodes, smt, governor, slices, reason } = facts;
  return [
    `${plural(available, 'CPU')} of ${cpus().length} for this process`,
    numaNodes === null ? 'NUMA not known' : plural(numaNodes, 'NUMA node'),
    ...(smt === null ? [] : [smt ? 'SMT on' : 'SMT off']),
    governor === null ? 'no frequency governor' : `governor ${governor}`,
    slices ? 'slices' : `no slices (${String(reason)})`,
  ].join(', ');
}

/** @param repository of the package; null: it does not say */
export function whereToSend(file: string, repository: string | null): string {
  const where =
    repository === null
      ? 'an issue on the repository of rseq-slice (npm docs rseq-slice opens it)'
      : `an issue at ${repository}/issues`;
  return `The record is in ${file}. To share it, attach that file to ${where}, with what the machine is if its name above does not say. It has no names of hosts, users or files.`;
}

/** @returns the address of the package's repository, which it has where it was published */
export function readRepository(): string | null {
  const text = read(new URL('../../package.json', import.meta.url).pathname);
  const { repository } = JSON.parse(text ?? '{}') as { repository?: { url?: string } | string };
  const url = typeof repository === 'string' ? repository : repository?.url;
  return url?.replace(/^git\+/, '').replace(/\.git$/, '') ?? null;
}
