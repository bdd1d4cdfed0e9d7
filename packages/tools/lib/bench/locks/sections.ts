// SPDX-License-Identifier: MIT
/**
 * The loop that is measured: work outside, lock, work inside, unlock, until the
 * phase is over. Every worker calls it to rehearse, then while everybody warms up,
 * and then for the record, so that V8 runs the same code all the time.
 */
import type { RecordableHistogram } from 'node:perf_hooks';
import { now } from './clock.ts';
import type { AsyncLock, SyncLock } from './opened.ts';
import { PHASE, SECTIONS } from './phases.ts';
import { recordWait } from './waits.ts';
import { spend } from './work.ts';
import type { Actor } from './work.ts';

export interface Plan {
  readonly control: Int32Array;
  /** With the count of sections. */
  readonly guarded: Int32Array;
  /** Memory of this worker alone, for the work outside. */
  readonly own: Int32Array;
  readonly actor: Actor;
  /** Of work inside a section. */
  readonly units: number;
  /** Increments between two sections. */
  readonly gapUnits: number;
  /** One in so many waits is timed. */
  readonly sample: number;
  /** Whether the clock may be read inside. */
  readonly inSection: boolean;
  readonly waits: RecordableHistogram;
}

export interface Passed {
  readonly sections: number;
  readonly seconds: number;
}

/** @param most sections */
export function runSections(
  plan: Plan,
  lock: SyncLock,
  phase: number,
  most: number = Number.MAX_SAFE_INTEGER,
): Passed {
  const { control, guarded, own, actor, units, gapUnits, sample, inSection, waits } = plan;
  let sections = 0;
  let untilSample = 0;
  const started = now();
  while (Atomics.load(control, PHASE) === phase && sections < most) {
    spend(own, 0, gapUnits);
    const timed = untilSample === 0;
    const before = timed ? now() : 0;
    const token = lock.lock();
    let after = timed && inSection ? now() : 0;
    guarded[SECTIONS] = ((guarded[SECTIONS] ?? 0) + 1) | 0;
    actor.work(units);
    lock.unlock(token);
    if (timed) {
      if (!inSection) after = now();
      recordWait(waits, after - before);
      untilSample = sample;
    }
    untilSample--;
    sections++;
  }
  return { sections, seconds: (now() - started) / 1e9 };
}

/** The same for locks that are taken by a promise. */
export async function runAsyncSections(
  plan: Plan,
  lock: AsyncLock,
  phase: number,
  most: number = Number.MAX_SAFE_INTEGER,
): Promise<Passed> {
  const { control, guarded, own, actor, units, gapUnits, sample, inSection, waits } = plan;
  let sections = 0;
  let untilSample = 0;
  let timed = false;
  let after = 0;
  const section = (): void => {
    if (timed && inSection) after = now();
    guarded[SECTIONS] = ((guarded[SECTIONS] ?? 0) + 1) | 0;
    actor.work(units);
  };
  const started = now();
  while (Atomics.load(control, PHASE) === phase && sections < most) {
    spend(own, 0, gapUnits);
    timed = untilSample === 0;
    const before = timed ? now() : 0;
    await lock.run(section);
    if (timed) {
      if (!inSection) after = now();
      recordWait(waits, after - before);
      untilSample = sample;
    }
    untilSample--;
    sections++;
  }
  return { sections, seconds: (now() - started) / 1e9 };
}
