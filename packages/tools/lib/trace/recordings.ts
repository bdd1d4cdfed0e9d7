// SPDX-License-Identifier: MIT
/**
 * Reads what recording threads have left in a folder. A thread that was ended in
 * the middle of something has left what came before.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostName, Outcome } from 'rseq-slice';
import {
  HOST_NAMES,
  COUNTS,
  DETAIL,
  ENTERED,
  EXTENSION,
  HEAD_LENGTH,
  Head,
  Kind,
  LOCK_KIND,
  MAGIC,
  RECORD_LENGTH,
  USES,
  lengthFor,
} from 'rseq-slice/internal';

export interface RecordedSection {
  readonly kind: 'section';
  readonly outcome: Outcome;
  /** ns on CLOCK_MONOTONIC, as all times here; null: it was not timed. */
  readonly from: number | null;
  /** When it was left. */
  readonly to: number;
  /** When the thread had the CPU again, after it gave it up; null: it did not. */
  readonly back: number | null;
}

export interface RecordedYield {
  readonly kind: 'yield';
  readonly from: number;
  readonly to: number;
}

export interface RecordedWait {
  readonly kind: 'wait';
  readonly from: number;
  readonly to: number;
  /** Index in `WAIT_ENDS`. */
  readonly end: number;
  /** Index in `LOCK_KINDS`. */
  readonly lockKind: number;
  readonly lock: number;
}

export interface RecordedRelease {
  readonly kind: 'release';
  readonly from: number;
  readonly to: number;
  readonly lockKind: number;
  readonly lock: number;
}

export type RecordedEvent = RecordedSection | RecordedYield | RecordedWait | RecordedRelease;

/** A thread, for as long as it was attached. */
export interface Recording {
  readonly process: number;
  /** Node's `threadId`. */
  readonly thread: number;
  /** The kernel's number of it; 0: not known. */
  readonly kernelThread: number;
  readonly host: HostName;
  readonly every: number;
  readonly started: number;
  /** False: it was ended before it could write its recording. */
  readonly isWhole: boolean;
  readonly entered: number;
  /** Sections left, by outcome. */
  readonly outcomes: readonly number[];
  readonly waits: {
    readonly count: number;
    readonly time: number;
    readonly longest: number;
    readonly gaveUp: number;
    readonly abandoned: number;
  };
  readonly releases: number;
  /** How many grants were used for at most 1, 2, … µs; only of sections that were timed. */
  readonly uses: readonly number[];
  /** Undisturbed sections that were timed, kept or not. */
  readonly timed: number;
  readonly dropped: { readonly timed: number; readonly events: number };
  /** The latest, in the order they were over. */
  readonly events: readonly RecordedEvent[];
}

/** All recordings of a folder, by process and thread. */
export function readRecordings(folder: string): Recording[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(EXTENSION));
  return files
    .map((name) => readRecording(readFileSync(join(folder, name))))
    .filter((recording) => recording !== null)
    .sort((a, b) => a.process - b.process || a.thread - b.thread || a.started - b.started);
}

export function threadName({ thread }: Recording): string {
  return thread === 0 ? 'main thread' : `worker ${thread}`;
}

/** null: a thread was ended while it made the file. */
function readRecording(bytes: Buffer): Recording | null {
  // A buffer of Node's may begin anywhere.
  const words = new Float64Array(
    new Uint8Array(bytes).buffer,
    0,
    Math.floor(bytes.byteLength / Float64Array.BYTES_PER_ELEMENT),
  );
  const at = (index: number): number => words[index] ?? 0;
  const capacity = at(Head.Capacity);
  const host = HOST_NAMES[at(Head.HostName)];
  if (at(Head.Magic) !== MAGIC || host === undefined || words.length !== lengthFor(capacity))
    return null;
  const counts = [...words.subarray(Head.Counts, Head.Counts + COUNTS)];
  const [timed, events] = [at(Head.Samples), at(Head.Events)];
  const ringLength = capacity * RECORD_LENGTH;
  const rings = words.subarray(HEAD_LENGTH);
  return {
    process: at(Head.Process),
    thread: at(Head.Thread),
    kernelThread: at(Head.HostThread),
    host,
    every: at(Head.Every),
    started: at(Head.Started),
    isWhole: at(Head.Whole) === 1,
    entered: counts[ENTERED] ?? 0,
    outcomes: counts.slice(0, ENTERED),
    waits: {
      count: at(Head.Waits),
      time: at(Head.WaitTime),
      longest: at(Head.LongestWait),
      gaveUp: at(Head.GaveUp),
      abandoned: at(Head.Abandoned),
    },
    releases: at(Head.Releases),
    uses: [...words.subarray(Head.Uses, Head.Uses + USES)],
    timed,
    dropped: { timed: Math.max(0, timed - capacity), events: Math.max(0, events - capacity) },
    events: [
      ...readRing(rings.subarray(0, ringLength), timed),
      ...readRing(rings.subarray(ringLength), events),
    ].sort((a, b) => a.to - b.to),
  };
}

function readRing(ring: Float64Array, written: number): RecordedEvent[] {
  const kept = Math.min(written, ring.length / RECORD_LENGTH);
  return Array.from({ length: kept }, (_, index) => {
    const [what = 0, from = 0, to = 0, more = 0] = ring.subarray(
      index * RECORD_LENGTH,
      (index + 1) * RECORD_LENGTH,
    );
    return readRecord(what, from, to, more);
  });
}

function readRecord(what: number, from: number, to: number, more: number): RecordedEvent {
  const detail = Math.floor(what / DETAIL);
  const lockKind = Math.floor(detail / LOCK_KIND);
  switch (what % DETAIL) {
    case Kind.Wait:
      return { kind: 'wait', from, to, end: detail % LOCK_KIND, lockKind, lock: more };
    case Kind.Release:
      return { kind: 'release', from, to, lockKind, lock: more };
    case Kind.Yield:
      return { kind: 'yield', from, to };
    default:
      return {
        kind: 'section',
        outcome: detail as Outcome,
        from: from === 0 ? null : from,
        to,
        back: more === 0 ? null : more,
      };
  }
}
