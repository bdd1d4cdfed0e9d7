// SPDX-License-Identifier: MIT
/** What a cell of the table and each of its workers are told to do, and what a worker answers. */
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Passed } from './sections.ts';
import type { SectionCounts } from './counting.ts';
import type { KindsModule } from './kinds.ts';

type Counts = Readonly<Record<string, number>>;

export interface CellJob {
  readonly kind: string;
  readonly slices: 'on' | 'off';
  readonly workers: number;
  readonly workload: string;
  /** Of work in a section. */
  readonly units: number;
  /** Increments between sections. */
  readonly gapUnits: number;
  /** Measured. */
  readonly seconds: number;
  /** Seconds of CPU that everybody gets before. */
  readonly warm: number;
  /** Seconds of warming up at most; absent: see `cell.ts`. */
  readonly mostWarm?: number;
  /** One in so many waits is timed. */
  readonly sample: number;
  /** Whether the clock may be read in a section. */
  readonly inSection: boolean;
  /** Whether what the lock does is counted, which makes all times longer. */
  readonly count: boolean;
  /** Where kinds are that are not of this library. */
  readonly kinds: KindsModule | null;
}

export interface WorkerJob {
  readonly cell: CellJob;
  /** Index of the first of this thread's tasks. */
  readonly first: number;
  /** How many it runs. */
  readonly tasks: number;
  readonly control: SharedArrayBuffer;
  readonly guarded: SharedArrayBuffer;
  /** Where workers say how far they are, of locks that others than one may hold; null: nowhere. */
  readonly progress: SharedArrayBuffer | null;
  /** What the lock's kind created. */
  readonly shared: unknown;
}

export interface WorkerReport {
  readonly tasks: readonly (Passed & {
    readonly warm: number;
    /** For the check: what the work did, or the loop of a lock of another shape. */
    readonly counts: Counts;
    readonly waits: RecordableHistogram;
  })[];
  /** What the lock counted meanwhile. */
  readonly lock: Counts | null;
  /** How sections ended meanwhile. */
  readonly slices: Counts | null;
  readonly switches: Counts | null;
  /** What was counted meanwhile; null: nothing was to be. */
  readonly sections: SectionCounts | null;
}
