// SPDX-License-Identifier: MIT
/**
 * The kernel's own tracing of one process and all it starts: switches of
 * threads, and the timer that ends extensions. It goes into a trace of its own,
 * an 'instance', so that whatever else is being traced stays as it is.
 *
 * Source: Linux Documentation/trace/ftrace.rst and events.rst.
 */
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { KernelEvents } from './events.ts';
import type { KernelTrace } from './events.ts';
import { parseLayout, RecordReader } from './format.ts';
import { pageSize, readPage } from './ring-buffer.ts';

const PLACES = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const SYMBOLS = '/proc/kallsyms';
/** What the timer of an extension calls when it has run out. */
const EXPIRY = 'rseq_slice_expired';

/** Folder and name, as below `events/`. */
const EVENTS = {
  switch: 'sched/sched_switch',
  fork: 'sched/sched_process_fork',
  start: 'timer/hrtimer_start',
  cancel: 'timer/hrtimer_cancel',
  expire: 'timer/hrtimer_expire_entry',
} as const;
type EventName = keyof typeof EVENTS;
const NAMES = Object.keys(EVENTS) as EventName[];

/** KiB of records that a CPU keeps, and all of them together. */
const MOST_A_CPU = 8192;
const MOST = 262_144;
const LEAST_A_CPU = 256;

/** Why the kernel does not trace here. */
export interface NotTraced {
  readonly reason: string;
}

export class KernelTracing {
  readonly #folder: string;
  readonly #expiry: bigint | null;

  private constructor(folder: string, expiry: bigint | null) {
    this.#folder = folder;
    this.#expiry = expiry;
  }

  /** Begins to trace what this process starts from now on. */
  static start(
    places: readonly string[] = PLACES,
    symbols: string = SYMBOLS,
  ): KernelTracing | NotTraced {
    const place = places.find((path) => isThere(join(path, 'instances')));
    if (place === undefined)
      return {
        reason:
          'there is no tracefs to be read: it is for root, on a kernel with CONFIG_FTRACE, and mounted at /sys/kernel/tracing',
      };
    const folder = join(place, 'instances', `rseq-slice-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch (error) {
      return { reason: `this user cannot write to tracefs: ${messageOf(error)}` };
    }
    const tracing = new KernelTracing(folder, addressOf(EXPIRY, symbols));
    try {
      tracing.#begin();
    } catch (error) {
      tracing.remove();
      return { reason: `the kernel's tracing does not start: ${messageOf(error)}` };
    }
    return tracing;
  }

  #begin(): void {
    this.#write('tracing_on', '0');
    this.#write('trace_clock', 'mono');
    this.#write(
      'buffer_size_kb',
      String(Math.max(LEAST_A_CPU, Math.min(MOST_A_CPU, Math.floor(MOST / this.#cpus().length)))),
    );
    this.#write('set_event_pid', String(process.pid));
    this.#write('options/event-fork', '1');
    for (const name of NAMES) {
      if (this.#expiry === null && name !== 'switch' && name !== 'fork') continue;
      // A cancelled timer does not say what it was for, so those are all kept.
      if (name === 'start' || name === 'expire')
        this.#write(
          `events/${EVENTS[name]}/filter`,
          `function == 0x${(this.#expiry ?? 0n).toString(16)}`,
        );
      this.#write(`events/${EVENTS[name]}/enable`, '1');
    }
    this.#write('tracing_on', '1');
  }

  /**
   * Ends it, and reads what there is. The instance is gone then.
   * @throws {Error} what the kernel wrote is not understood.
   */
  stop(): KernelTrace {
    try {
      this.#write('tracing_on', '0');
      return this.#read();
    } finally {
      this.remove();
    }
  }

  /** Removes the instance, with all that is in it. */
  remove(): void {
    try {
      rmdirSync(this.#folder);
    } catch {
      // Someone looks at it. It is stopped, and named for whose it was.
    }
  }

  #read(): KernelTrace {
    const isLittle = endianness() === 'LE';
    const header = parseLayout(this.#text('events/header_page'));
    const layouts = NAMES.map((name) => ({
      name,
      layout: parseLayout(this.#text(`events/${EVENTS[name]}/format`)),
    }));
    const readers = new Map(
      layouts.map(({ name, layout }) => [
        layout.id,
        { name, reader: new RecordReader(layout, isLittle) },
      ]),
    );
    const events = new KernelEvents();
    for (const cpu of this.#cpus()) {
      for (const page of this.#pages(cpu, pageSize(header))) {
        for (const { time, data } of readPage(page, header, isLittle)) {
          const known = readers.get(data.getUint16(0, isLittle));
          if (known !== undefined) events[known.name]({ cpu, time, data, reader: known.reader });
        }
      }
      events.lost += Number(
        /^overrun: (\d+)$/m.exec(this.#text(`per_cpu/cpu${cpu}/stats`))?.[1] ?? 0,
      );
    }
    return events.finish();
  }

  #cpus(): number[] {
    return readdirSync(join(this.#folder, 'per_cpu'))
      .map((name) => Number(name.slice('cpu'.length)))
      .sort((a, b) => a - b);
  }

  *#pages(cpu: number, size: number): Generator<DataView> {
    const file = openSync(
      join(this.#folder, `per_cpu/cpu${cpu}/trace_pipe_raw`),
      constants.O_RDONLY | constants.O_NONBLOCK,
    );
    try {
      for (;;) {
        const page = Buffer.alloc(size);
        if (readSome(file, page) === 0) return;
        yield new DataView(page.buffer, page.byteOffset, page.byteLength);
      }
    } finally {
      closeSync(file);
    }
  }

  #text(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  #write(name: string, value: string): void {
    writeFileSync(join(this.#folder, name), value);
  }
}

/** Not to be read is as good as not there: Node's permission model may forbid even to ask. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** @returns bytes; 0 at the end of what there is. */
function readSome(file: number, page: Buffer): number {
  try {
    return readSync(file, page, 0, page.length, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

/** null: this kernel has no such function, or hides where it is. */
function addressOf(name: string, symbols: string): bigint | null {
  let text: string;
  try {
    text = readFileSync(symbols, 'utf8');
  } catch {
    return null;
  }
  const address = new RegExp(`^([0-9a-f]+) \\w ${name}$`, 'm').exec(text)?.[1];
  const value = BigInt(`0x${address ?? '0'}`);
  return value === 0n ? null : value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
