// SPDX-License-Identifier: MIT
/**
 * What the kernel's records say: which thread had which CPU, and for how long
 * extensions ran. An extension begins when its timer is started, and ends when
 * that is cancelled, because the CPU was given back or taken, or runs out.
 */
import type { RecordReader } from './format.ts';

export interface Switch {
  /** ns on CLOCK_MONOTONIC, as all times here. */
  readonly time: number;
  readonly cpu: number;
  /** Threads, as the kernel numbers them; 0 is the idle one. */
  readonly from: number;
  readonly to: number;
  /** How they are called. */
  readonly names: readonly [from: string, to: string];
}

export interface Extension {
  readonly cpu: number;
  readonly thread: number;
  readonly from: number;
  readonly to: number;
  /** Its time was over before it was given back. */
  readonly isExpired: boolean;
}

export interface KernelTrace {
  readonly switches: readonly Switch[];
  readonly extensions: readonly Extension[];
  /** Threads that were started meanwhile. */
  readonly threads: ReadonlySet<number>;
  /** Records that were overwritten by later ones. */
  readonly lost: number;
}

interface KernelRecord {
  readonly cpu: number;
  readonly time: number;
  readonly data: DataView;
  readonly reader: RecordReader;
}

/**
 * Collects records CPU by CPU, those of one in their order. The timer of an extension stays on its
 * CPU.
 */
export class KernelEvents {
  lost = 0;
  readonly #switches: Switch[] = [];
  readonly #extensions: Extension[] = [];
  readonly #threads = new Set<number>();
  /** The extensions that run, by their timers. */
  readonly #running = new Map<bigint, Omit<Extension, 'to' | 'isExpired'>>();

  switch({ cpu, time, data, reader }: KernelRecord): void {
    const names = [reader.text(data, 'prev_comm'), reader.text(data, 'next_comm')] as const;
    this.#switches.push({
      time,
      cpu,
      from: reader.int(data, 'prev_pid'),
      to: reader.int(data, 'next_pid'),
      names,
    });
  }

  fork({ data, reader }: KernelRecord): void {
    this.#threads.add(reader.int(data, 'child_pid'));
  }

  /**
   * Only the timers of extensions are recorded when they start. One that runs out under a thread
   * that is not traced is never seen to end.
   */
  start({ cpu, time, data, reader }: KernelRecord): void {
    this.#running.set(reader.long(data, 'hrtimer'), {
      cpu,
      thread: reader.int(data, 'common_pid'),
      from: time,
    });
  }

  cancel(record: KernelRecord): void {
    this.#end(record, false);
  }

  expire(record: KernelRecord): void {
    this.#end(record, true);
  }

  #end({ time, data, reader }: KernelRecord, isExpired: boolean): void {
    const timer = reader.long(data, 'hrtimer');
    const running = this.#running.get(timer);
    if (running === undefined) return;
    this.#running.delete(timer);
    this.#extensions.push({ ...running, to: time, isExpired });
  }

  finish(): KernelTrace {
    return {
      switches: this.#switches,
      extensions: this.#extensions,
      threads: this.#threads,
      lost: this.lost,
    };
  }
}
