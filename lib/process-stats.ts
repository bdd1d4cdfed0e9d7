/**
 * The counters of all threads of the process, for operators. Each attached
 * thread has a slot in memory that workers inherit, and writes its counters
 * there where it has something else to do anyway: when a section was disturbed,
 * when somebody asks in this thread, when it is detached or ends by itself. The
 * hot path does not know of it: a call there every so many sections, rare enough
 * to cost nothing, has V8 throw the compiled code away at the first of them.
 *
 * For that, this module must have been loaded in the main thread before workers
 * are started; a worker that inherits nothing counts itself and its own workers.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import type { Stats } from './thread.ts';

/** Counters of a whole process. */
export interface ProcessStats extends Stats {
  /** Threads that were attached so far, each time anew. */
  readonly threads: number;
  /** Those of them for which there was no slot any more: what they did is not in here. */
  readonly uncounted: number;
}

/** A thread's counters, at the indices of {@link Field}. It alone writes them. */
export type Slot = Float64Array;

export const Field = { Entered: 0, Undisturbed: 1, Yielded: 2, Raced: 3, Revoked: 4, Nested: 5 } as const;

const INHERITED = 'rseq-slice.stats';
/** Memory that is not used is not there: 1 MiB in the worst case. */
const MOST_SLOTS = 16_384;
const FIELDS = Object.keys(Field).length;
/** A cache line, so that threads do not slow each other down. */
const SLOT_BYTES = 64;

const inherited: unknown = getEnvironmentData(INHERITED);
const buffer = inherited instanceof SharedArrayBuffer ? inherited : new SharedArrayBuffer((1 + MOST_SLOTS) * SLOT_BYTES);
if (isMainThread && inherited !== buffer) setEnvironmentData(INHERITED, buffer);

/** How many slots were asked for. */
const asked = new Int32Array(buffer, 0, 1);

/** A slot for a thread that is attached; null: they are used up. */
export function openSlot(): Slot | null {
  const index = Atomics.add(asked, 0, 1);
  return index < MOST_SLOTS ? slotAt(index) : null;
}

/** All slots together. */
export function sumSlots(): ProcessStats {
  const threads = Atomics.load(asked, 0);
  const counted = Math.min(threads, MOST_SLOTS);
  const slots = Array.from({ length: counted }, (_, index) => slotAt(index));
  const sum = (field: number): number => slots.reduce((total, slot) => total + (slot[field] ?? 0), 0);
  return {
    threads,
    uncounted: threads - counted,
    entered: sum(Field.Entered),
    undisturbed: sum(Field.Undisturbed),
    yielded: sum(Field.Yielded),
    raced: sum(Field.Raced),
    revoked: sum(Field.Revoked),
    nested: sum(Field.Nested),
  };
}

function slotAt(index: number): Slot {
  return new Float64Array(buffer, (1 + index) * SLOT_BYTES, FIELDS);
}
