// SPDX-License-Identifier: MIT
/**
 * What the kernel traced, as rows beside those of the recordings: who had each
 * CPU; and extensions, in the row of the thread that had them, if it recorded.
 */
import type { Place, TraceEvent } from 'rseq-slice/internal';
import { threadName } from '../recordings.ts';
import type { Recording } from '../recordings.ts';
import type { Extension, KernelTrace, Switch } from './events.ts';

export interface KernelRows {
  /** Times as the kernel has them. */
  readonly events: readonly TraceEvent[];
  readonly threads: ReadonlyMap<number, string>;
  readonly places: ReadonlyMap<number, Place>;
  /** The first of them. */
  readonly begin: number;
}

type Where = Pick<TraceEvent, 'cpu' | 'thread'>;

/** Which numbers are free, and where the rows of the recordings are. */
interface Numbering {
  readonly place: number;
  /** Of processes and of threads. */
  readonly firstFree: number;
  readonly placeOf: (index: number) => Where;
}

/** The idle thread of every CPU. */
const IDLE = 0;

export function kernelRows(
  kernel: KernelTrace,
  recordings: readonly Recording[],
  { place, firstFree, placeOf }: Numbering,
): KernelRows {
  const cpus = [...new Set([...kernel.switches, ...kernel.extensions].map(({ cpu }) => cpu))].sort(
    (a, b) => a - b,
  );
  const rowOf = (cpu: number): Where => ({
    cpu: place + cpus.indexOf(cpu),
    thread: firstFree + cpus.indexOf(cpu),
  });
  const known = new Map(
    recordings.map((recording) => [
      recording.kernelThread,
      `${threadName(recording)} of process ${recording.process}`,
    ]),
  );
  const ours = new Set([...kernel.threads, ...known.keys()]);
  const placed = kernel.extensions.map((extension) => {
    // The number may have been another thread's before, of another process too.
    const holder = recordings
      .filter(
        ({ kernelThread, started }) =>
          kernelThread === extension.thread && started <= extension.from,
      )
      .sort((a, b) => b.started - a.started)[0];
    return {
      ...extension,
      where: holder === undefined ? rowOf(extension.cpu) : placeOf(recordings.indexOf(holder)),
    };
  });
  const events = [
    ...cpus.flatMap((cpu) =>
      turns(
        kernel.switches.filter((one) => one.cpu === cpu),
        ours,
        known,
      ).map((turn) => ({ ...turn, ...rowOf(cpu) })),
    ),
    ...stretches(placed),
  ];
  return {
    events,
    threads: new Map(
      cpus.map((cpu) => [rowOf(cpu).thread, 'threads, as the kernel switched them']),
    ),
    places: new Map(
      cpus.map((cpu) => [rowOf(cpu).cpu, { name: `CPU ${cpu}`, process: rowOf(cpu).thread }]),
    ),
    begin: events.reduce((first, { time }) => Math.min(first, time), Infinity),
  };
}

/**
 * Who had a CPU, from each switch to the next. Of threads that are not traced
 * only the first switch is seen, so what follows may be several of them.
 */
function turns(
  switches: readonly Switch[],
  ours: ReadonlySet<number>,
  names: ReadonlyMap<number, string>,
): Omit<TraceEvent, 'cpu' | 'thread'>[] {
  return switches.slice(0, -1).flatMap(({ time, to, names: [, name] }, index) => {
    if (to === IDLE) return [];
    const isOurs = ours.has(to);
    const duration = (switches[index + 1]?.time ?? time) - time;
    const about = { kind: 'span', time, duration } as const;
    return isOurs
      ? { ...about, label: names.get(to) ?? `${name} ${to}`, args: { thread: String(to) } }
      : { ...about, label: 'others' };
  });
}

/**
 * Extensions in their rows. The timer of one that a switch took runs on, and the
 * thread may have another one on another CPU meanwhile: that ends the first,
 * whatever becomes of its timer.
 */
function stretches(extensions: readonly (Extension & { readonly where: Where })[]): TraceEvent[] {
  const sorted = extensions.toSorted((a, b) => a.where.thread - b.where.thread || a.from - b.from);
  return sorted.flatMap(({ where, from, to, isExpired }, index): TraceEvent[] => {
    const next = sorted[index + 1];
    const granted: TraceEvent = { ...where, time: from, kind: 'granted' };
    if (next?.where.thread === where.thread && next.from <= to) return [granted];
    return [granted, { ...where, time: to, kind: isExpired ? 'expired' : 'cancelled' }];
  });
}
