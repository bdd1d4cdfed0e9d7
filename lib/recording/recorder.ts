// SPDX-License-Identifier: MIT
/**
 * Writes down what one thread does, into a file that is mapped as memory: what
 * was stored is there however the thread ends, by `terminate()` or with the
 * process. Without the addon, the file is written when the thread ends by itself.
 *
 * Whether to record is told by the environment: RSEQ_SLICE_TRACE names a folder
 * that `rseq-slice trace` has made, with its settings in it.
 */
import { closeSync, openSync, readFileSync, readlinkSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
// Not the one of `process`, which tests with fake timers replace.
import { hrtime } from 'node:process';
import {
  getEnvironmentData,
  isMainThread,
  setEnvironmentData,
  threadId,
} from 'node:worker_threads';
import { RseqSliceError } from '../errors.ts';
import type { HostName } from '../host/port.ts';
import { currentHost } from '../host/current.ts';
import { Outcome } from '../sections/thread.ts';
import {
  HOST_NAMES,
  COUNTS,
  DETAIL,
  HEAD_LENGTH,
  Head,
  Kind,
  LOCK_KIND,
  lengthFor,
  MAGIC,
  RECORD_LENGTH,
  Stamp,
  USE_WIDTH,
  USES,
  WaitEnd,
} from './memory.ts';

export const VARIABLE = 'RSEQ_SLICE_TRACE';
export const SETTINGS = 'settings.json';
export const EXTENSION = '.record';

/** What is recorded, and how much of it is kept. */
export interface RecordingSettings {
  /** One section in so many is timed also where nothing happens to it. */
  readonly every: number;
  /** Undisturbed sections kept a thread, and as many of everything else. */
  readonly events: number;
}

/** ns of CLOCK_MONOTONIC, which all threads share and the kernel's own tracing can have too. */
export function now(): number {
  const time = hrtime();
  return time[0] * 1e9 + time[1];
}

/** The kernel's number of the calling thread; 0 where there is no such file. */
function kernelThread(): number {
  try {
    return Number(basename(readlinkSync('/proc/thread-self')));
  } catch {
    return 0;
  }
}

export class Recorder {
  readonly counts: Float64Array;
  readonly stamps: Float64Array;
  readonly every: number;
  readonly #head: Float64Array;
  readonly #samples: Ring;
  readonly #events: Ring;

  constructor(memory: Float64Array, host: HostName, { every, events }: RecordingSettings) {
    this.every = every;
    this.#head = memory.subarray(0, HEAD_LENGTH);
    this.counts = memory.subarray(Head.Counts, Head.Counts + COUNTS);
    this.stamps = memory.subarray(Head.Stamps, Head.Stamps + Object.keys(Stamp).length);
    const ringLength = events * RECORD_LENGTH;
    this.#samples = new Ring(
      this.#head,
      Head.Samples,
      memory.subarray(HEAD_LENGTH, HEAD_LENGTH + ringLength),
      events,
    );
    this.#events = new Ring(
      this.#head,
      Head.Events,
      memory.subarray(HEAD_LENGTH + ringLength),
      events,
    );
    const facts = {
      Magic: MAGIC,
      Process: process.pid,
      Thread: threadId,
      HostName: HOST_NAMES.indexOf(host),
      Capacity: events,
      Every: every,
      Started: now(),
      HostThread: kernelThread(),
    };
    for (const [name, value] of Object.entries(facts))
      this.#head[Head[name as keyof typeof facts]] = value;
  }

  /** A section that is timed from its begin, or was disturbed, was left. */
  section(outcome: Outcome, isTimed: boolean): void {
    const began = isTimed ? (this.stamps[Stamp.Began] ?? 0) : 0;
    const what = Kind.Section + outcome * DETAIL;
    if (outcome === Outcome.Undisturbed) {
      this.#samples.put(what, began, now(), 0);
      return;
    }
    const left = this.stamps[Stamp.Left] ?? 0;
    this.#events.put(what, began, left, this.stamps[Stamp.Back] ?? 0);
    if (outcome === Outcome.Yielded && isTimed)
      this.#add(Head.Uses + Math.min(USES - 1, Math.floor((left - began) / USE_WIDTH)), 1);
  }

  /** The thread yielded before it went to sleep in the middle of a section. */
  yielded(): void {
    this.#events.put(Kind.Yield, this.stamps[Stamp.Left] ?? 0, this.stamps[Stamp.Back] ?? 0, 0);
  }

  /** The thread has waited for a lock. */
  waited(lockKind: number, end: number, from: number, to: number, lock: number): void {
    this.#events.put(Kind.Wait + (end + lockKind * LOCK_KIND) * DETAIL, from, to, lock);
    this.#add(Head.Waits, 1);
    this.#add(Head.WaitTime, to - from);
    if (end === WaitEnd.GaveUp) this.#add(Head.GaveUp, 1);
    if (end === WaitEnd.Abandoned) this.#add(Head.Abandoned, 1);
    this.#head[Head.LongestWait] = Math.max(this.#head[Head.LongestWait] ?? 0, to - from);
  }

  /** The thread has released a lock that others waited for. */
  released(lockKind: number, from: number, to: number, lock: number): void {
    this.#events.put(Kind.Release + lockKind * LOCK_KIND * DETAIL, from, to, lock);
    this.#add(Head.Releases, 1);
  }

  #add(index: number, by: number): void {
    this.#head[index] = (this.#head[index] ?? 0) + by;
  }
}

/** The latest records. */
class Ring {
  readonly #head: Float64Array;
  readonly #index: number;
  readonly #records: Float64Array;
  readonly #capacity: number;

  /** @param index where the head counts what was written */
  constructor(head: Float64Array, index: number, records: Float64Array, capacity: number) {
    this.#head = head;
    this.#index = index;
    this.#records = records;
    this.#capacity = capacity;
  }

  /** The count comes last: a thread that is ended in between leaves no half record. */
  put(what: number, from: number, to: number, more: number): void {
    const records = this.#records;
    const written = this.#head[this.#index] ?? 0;
    const at = (written % this.#capacity) * RECORD_LENGTH;
    records[at] = what;
    records[at + 1] = from;
    records[at + 2] = to;
    records[at + 3] = more;
    this.#head[this.#index] = written + 1;
  }
}

/**
 * Where to record; '' for nowhere. A worker may have an environment of its own, but it inherits
 * this too.
 */
const folder = process.env[VARIABLE] ?? inheritedFolder();
if (isMainThread && folder !== '') setEnvironmentData(VARIABLE, folder);

function inheritedFolder(): string {
  const inherited: unknown = getEnvironmentData(VARIABLE);
  return typeof inherited === 'string' ? inherited : '';
}

/**
 * A recorder for a thread that is being attached; null: nobody records.
 * @throws {RseqSliceError} `ERR_RSEQ_SYSTEM` when there is no room for it.
 */
export function openRecorder(host: HostName): Recorder | null {
  if (folder === '') return null;
  try {
    const settings = readSettings(folder);
    if (settings === null) return null;
    const { memory, save } = openMemory(folder, lengthFor(settings.events));
    const recorder = new Recorder(memory, host, settings);
    save();
    return recorder;
  } catch (error) {
    const isForbidden = (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED';
    const remedy = isForbidden
      ? `Start Node with --allow-fs-read=${folder}/* and --allow-fs-write=${folder}/* as well.`
      : 'Make room there, or ask for fewer events.';
    throw new RseqSliceError(
      'ERR_RSEQ_SYSTEM',
      `This thread cannot be recorded in ${folder}: ${error instanceof Error ? error.message : String(error)}. ${remedy}`,
      { cause: error },
    );
  }
}

/**
 * null: the folder is gone, so whoever wanted the recording has what there was, and this process
 * has outlived it.
 */
function readSettings(folder: string): RecordingSettings | null {
  try {
    return JSON.parse(readFileSync(join(folder, SETTINGS), 'utf8')) as RecordingSettings;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The memory, and what to do when its head is filled in. */
function openMemory(
  folder: string,
  length: number,
): { readonly memory: Float64Array; readonly save: () => void } {
  const bytes = length * Float64Array.BYTES_PER_ELEMENT;
  const { file, path } = createFile(folder);
  try {
    // Not a hole: a full disk is an error here, and a signal that kills when it is met in memory.
    writeSync(file, new Uint8Array(bytes));
    const mapped = currentHost().mapFile(file, bytes);
    // Touched now, so that no page is missing in a section.
    if (mapped !== null) return wholeAtOnce(new Float64Array(mapped).fill(0));
  } finally {
    closeSync(file);
  }
  return wholeAtExit(new Float64Array(length), path);
}

function wholeAtOnce(memory: Float64Array): {
  readonly memory: Float64Array;
  readonly save: () => void;
} {
  return {
    memory,
    save: () => {
      memory[Head.Whole] = 1;
    },
  };
}

const unsaved: (() => void)[] = [];

function wholeAtExit(
  memory: Float64Array,
  path: string,
): { readonly memory: Float64Array; readonly save: () => void } {
  if (unsaved.length === 0) {
    process.on('exit', () => {
      for (const save of unsaved) save();
    });
  }
  unsaved.push(() => {
    memory[Head.Whole] = 1;
    writeFileSync(path, memory);
  });
  return {
    memory,
    save: () => {
      writeFileSync(path, memory);
    },
  };
}

/** A thread may be attached more than once, also through another installed copy. */
function createFile(folder: string): { readonly file: number; readonly path: string } {
  for (let attempt = 0; ; attempt++) {
    const path = join(folder, `${process.pid}-${threadId}-${attempt}${EXTENSION}`);
    try {
      return { file: openSync(path, 'wx+', 0o600), path };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
