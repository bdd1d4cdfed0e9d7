// SPDX-License-Identifier: MIT
/**
 * What is written down of sections that were measured; `schema/bench.schema.json` has the same for
 * readers.
 */
import type { Stats, Thread } from 'rseq-slice';
import type { Machine, SCHEMA } from '../machine.ts';
import type { Summary } from '../statistics.ts';

export interface Comparison {
  readonly name: string;
  readonly meaning: string;
  /** null: one of the two was not measured. */
  readonly value: Summary | null;
  readonly unit: string;
  /** Where there is a target. */
  readonly aim?: string;
  /** null: not known. */
  readonly met?: boolean | null;
}

export interface LoopResult extends Summary {
  readonly what: string;
  readonly samples: readonly number[];
}

export type SectionsRecord<About extends Machine = Machine> = {
  readonly schema: typeof SCHEMA;
  readonly benchmark: 'sections';
} & About & {
    readonly thread: Pick<Thread, 'host' | 'registration' | 'abiVersion'>;
    readonly stats: Stats;
    readonly rounds: number;
    /** ns. */
    readonly batch: number;
    readonly unit: 'ns';
    readonly results: Readonly<Record<string, LoopResult>>;
    readonly comparisons: readonly Comparison[];
    readonly notes: readonly string[];
  };
