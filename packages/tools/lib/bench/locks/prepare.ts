// SPDX-License-Identifier: MIT
/**
 * Which locks can be measured on this host, and how: with slices and without, and
 * with a program beside where a lock is not JavaScript. What is not there is left
 * out, and the notes say why.
 */
import { probe } from 'rseq-slice';
import type { Slices } from './aggregate.ts';
import type { Measured } from './cell.ts';
import type { CellJob } from './jobs.ts';
import { describeClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { EXCLUSIVE, kindOf } from './kinds.ts';
import type { Kinds, KindsModule } from './kinds.ts';
import type { LocksOptions } from './options.ts';

/** A program that measures locks which are not JavaScript. */
export interface LoopProgram {
  /** Increments in a microsecond. */
  readonly speed: number;
  /** @param deadline seconds */
  readonly run: (job: CellJob, deadline: number) => Promise<Measured>;
}

export interface Locks {
  readonly kinds: Kinds;
  /** Where those are from that are not of this library. */
  readonly module: KindsModule | null;
  /** Gets the program for kinds that want one; rejects with the reason where it is unavailable. */
  readonly program?: () => Promise<LoopProgram>;
}

/** What is going to be measured. */
export interface Prepared {
  readonly locks: Locks;
  /** By the names of the locks, the settings that each is measured with; empty: nothing is. */
  readonly settings: ReadonlyMap<string, readonly Slices[]>;
  readonly program: LoopProgram | null;
  readonly clock: Clock;
  readonly notes: readonly string[];
}

async function chooseSettings(
  { locks, slices, workload }: LocksOptions,
  kinds: Kinds,
  notes: string[],
): Promise<Map<string, Slices[]>> {
  const { available, explanation, remedy } = probe().slices;
  if (slices.includes('on') && !available)
    notes.push('Slices could not be measured.', `${explanation} ${remedy}`);
  const settings = new Map<string, Slices[]>();
  for (const name of locks) {
    const kind = kindOf(kinds, name);
    const missing =
      (kind.runner === 'program' || kind.job !== EXCLUSIVE) && workload !== 'loop'
        ? `it has the workload 'loop' only`
        : await kind.missing();
    if (missing !== null) {
      notes.push(`${name} was skipped: ${missing}.`);
      continue;
    }
    const possible = slices.filter((setting) => setting === 'off' || (kind.slices && available));
    if (possible.length > 0) settings.set(name, possible);
    else if (!kind.slices) notes.push(`${name} was skipped: it has no slices.`);
  }
  return settings;
}

/** @param settings those that want the program are removed where it is unavailable */
async function prepareProgram(
  { kinds, program }: Locks,
  settings: Map<string, Slices[]>,
  notes: string[],
): Promise<LoopProgram | null> {
  const names = [...settings.keys()].filter((name) => kindOf(kinds, name).runner === 'program');
  if (names.length === 0) return null;
  try {
    if (program === undefined) throw new Error('there is no program for it');
    return await program();
  } catch (error) {
    for (const name of names) {
      settings.delete(name);
      notes.push(`${name} was skipped: ${error instanceof Error ? error.message : String(error)}`);
    }
    return null;
  }
}

export async function prepareLocks(options: LocksOptions, locks: Locks): Promise<Prepared> {
  const notes: string[] = [];
  const clock = describeClock();
  if (!clock.inSection) {
    notes.push(
      `Reading the clock (${clock.source ?? 'unknown'}) is a system call, so waits are measured from before lock() to after unlock(), work included.`,
    );
  }
  const settings = await chooseSettings(options, locks.kinds, notes);
  const program = await prepareProgram(locks, settings, notes);
  return { locks, settings, program, clock, notes };
}
