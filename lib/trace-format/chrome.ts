// SPDX-License-Identifier: MIT
/**
 * Writes a trace as JSON in the trace event format, which Perfetto's and
 * Chrome's viewers open. Where threads told of themselves, processes and threads
 * have the numbers that the kernel gave them. Elsewhere a CPU is shown as a
 * process, and a thread as a thread of each CPU it was on. The number of that
 * process is the CPU's and one: Perfetto keeps process 0 and thread 0 for the
 * idle ones of Linux.
 *
 * Sections are spans of their thread, and so is the time between being
 * scheduled out and having a CPU again. An extension outlives the section it
 * was granted for, from the withdrawal to the yield, and spans of one thread
 * must nest; so extensions are asynchronous spans, which viewers show in a row
 * of their own below the CPU.
 *
 * A thread that comes back on another CPU has its section ended on the first
 * and begun again, marked `continued`, on the second: what is shown of a CPU
 * took place there. An extension stays where it began, as the kernel ends it
 * before the thread moves.
 *
 * What threads told of themselves afterwards is written as it is, and nothing is
 * concluded from it.
 *
 * Source: 'Trace Event Format', the Chromium project.
 */
import type { EffectKind, Place, Trace, TraceEvent } from './events.ts';

type Field = string | number | Readonly<Record<string, string | boolean>>;

interface ThreadState {
  readonly number: number;
  cpu: number;
  /** How many sections are open; one lies in the other. */
  sections: number;
  /** Below it, where its spans are, is the time without a CPU. */
  isOut: boolean;
  isDead: boolean;
  extension: { readonly id: number; readonly cpu: number } | null;
}

const SECTION = 'section';
const OUT = 'scheduled out';
const EXTENSION = 'extension';
const HAND_OVER = 'hand-over';

/**
 * Colours of sections by their outcome, for Chrome's viewer, by the names it has for them. Perfetto
 * makes its colours of the spans' names.
 */
const COLOURS: Readonly<Record<string, string>> = {
  undisturbed: 'generic_work',
  yielded: 'good',
  raced: 'bad',
  preempted: 'terrible',
};

const ENDS_EXTENSION: ReadonlySet<string> = new Set<EffectKind>([
  'yielded',
  'revoked',
  'aborted',
  'cancelled',
  'expired',
]);

/** What a kernel does to a thread, whether the thread has the CPU or not. */
const EFFECTS: ReadonlySet<string> = new Set<EffectKind>([
  'granted',
  'refused',
  'revoked',
  'expired',
  'yielded',
  'aborted',
  'cancelled',
  'switched',
  'killed',
]);

/**
 * The trace as JSON, an event a line. Same trace, same text. Spans still open are closed at the
 * end.
 */
export function chromeTrace(trace: Trace): string {
  const writer = new Writer(trace.places);
  for (const event of trace.events.toSorted((a, b) => a.time - b.time)) writer.add(event);
  writer.close(trace.end ?? 0);
  const lines = [...writer.metadata(trace.threads), ...writer.lines];
  const about = Object.entries(trace.about ?? {}).map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{"traceEvents":[\n${lines.join(',\n')}\n],"displayTimeUnit":"ns","otherData":{${about.join(',')}}}\n`;
}

/**
 * Whole nanoseconds as the microseconds of the format, all their digits: made
 * from the integer, since a quotient of doubles is rounded.
 */
export function microseconds(nanoseconds: number): string {
  const below = nanoseconds % 1000;
  return `${(nanoseconds - below) / 1000}.${String(below).padStart(3, '0')}`;
}

class Writer {
  readonly lines: string[] = [];
  readonly #places: ReadonlyMap<number, Place> | undefined;
  readonly #threads = new Map<number, ThreadState>();
  /** The thread that had each CPU last. */
  readonly #last = new Map<number, ThreadState>();
  /** Which threads were seen on each CPU. */
  readonly #seen = new Map<number, Set<number>>();
  #extensions = 0;
  #handOvers = 0;
  #end = 0;

  constructor(places: ReadonlyMap<number, Place> | undefined) {
    this.#places = places;
  }

  add(event: TraceEvent): void {
    const { time, kind, label = kind, duration = 0 } = event;
    this.#end = Math.max(this.#end, time + duration);
    const thread = this.#thread(event);
    if (this.#account(thread, event)) return;
    // Whatever is still told of the dead begins nothing.
    if (thread.isDead) {
      this.#instant(thread, time, label);
      return;
    }
    if (!EFFECTS.has(kind)) this.#run(thread, event.cpu, time);
    switch (kind) {
      case 'step':
        this.#write('X', thread, time, { name: label, cat: 'step' }, { dur: duration });
        break;
      case 'request':
        this.#begin(thread, SECTION, time);
        thread.sections++;
        break;
      case 'withdraw':
        if (thread.sections === 0) this.#instant(thread, time, label);
        else {
          thread.sections--;
          this.#write('E', thread, time, { name: SECTION, cat: SECTION }, { args: { end: kind } });
        }
        break;
      case 'granted':
        this.#endExtension(thread, time, 'another one was granted');
        thread.extension = { id: ++this.#extensions, cpu: thread.cpu };
        this.#write(
          'b',
          thread,
          time,
          { name: EXTENSION, cat: EXTENSION },
          { id: thread.extension.id },
        );
        break;
      case 'switched':
      case 'migrate':
        this.#instant(thread, time, label);
        this.#takeOut(thread, time);
        break;
      case 'killed':
        this.#instant(thread, time, label);
        this.#endAll(thread, time, kind);
        thread.isDead = true;
        break;
      default:
        if (ENDS_EXTENSION.has(kind) && this.#endExtension(thread, time, kind)) break;
        this.#instant(thread, time, label);
    }
  }

  /** @returns whether it is a thread's own account. */
  #account(
    thread: ThreadState,
    { kind, time, label = kind, duration = 0, arrow = 0, args }: TraceEvent,
  ): boolean {
    const named = { name: label, cat: label };
    const colour = COLOURS[args?.['outcome'] ?? ''];
    if (kind === 'span')
      this.#write('X', thread, time, named, {
        dur: duration,
        ...(colour === undefined ? {} : { cname: colour }),
        ...(args === undefined ? {} : { args }),
      });
    else if (kind === 'arrow from') this.#write('s', thread, time, named, { id: arrow });
    else if (kind === 'arrow to') this.#write('f', thread, time, named, { id: arrow, bp: 'e' });
    else return false;
    return true;
  }

  /** Ends what has begun. */
  close(end: number): void {
    const time = Math.max(end, this.#end);
    for (const thread of this.#threads.values()) this.#endAll(thread, time, 'end of the trace');
  }

  /**
   * The events that name CPUs and threads. The format wants no time and category of them, but some
   * readers do; Chrome writes these.
   */
  metadata(names: ReadonlyMap<number, string>): string[] {
    const named = (cpu: number, tid: number, what: string, name: string): string =>
      format(
        { ph: 'M', pid: this.#processOf(cpu), tid, name: what, cat: '__metadata', args: { name } },
        { ts: 0 },
      );
    return [...this.#seen]
      .sort(([a], [b]) => a - b)
      .flatMap(([cpu, threads]) => [
        named(
          cpu,
          Math.min(...threads),
          'process_name',
          this.#places?.get(cpu)?.name ?? `CPU ${cpu}`,
        ),
        ...[...threads]
          .sort((a, b) => a - b)
          .map((thread) =>
            named(cpu, thread, 'thread_name', names.get(thread) ?? `thread ${thread}`),
          ),
      ]);
  }

  #thread({ thread: number, cpu }: TraceEvent): ThreadState {
    const known = this.#threads.get(number);
    if (known !== undefined) return known;
    const thread: ThreadState = {
      number,
      cpu,
      sections: 0,
      isOut: false,
      isDead: false,
      extension: null,
    };
    this.#threads.set(number, thread);
    return thread;
  }

  /**
   * The thread has the CPU. Someone else has it no more, also where nobody recorded the switch.
   */
  #run(thread: ThreadState, cpu: number, time: number): void {
    if (cpu !== thread.cpu) this.#move(thread, cpu, time);
    const last = this.#last.get(cpu);
    if (last !== undefined && last !== thread) this.#handOver(last, thread, time);
    this.#last.set(cpu, thread);
    this.#comeBack(thread, time);
  }

  /** An arrow needs a span where it begins; whoever died, or is on another CPU by now, has none. */
  #handOver(from: ThreadState, to: ThreadState, time: number): void {
    if (from.isDead || from.cpu !== to.cpu) return;
    this.#takeOut(from, time);
    const arrow = { name: HAND_OVER, cat: HAND_OVER };
    const id = ++this.#handOvers;
    this.#write('s', from, time, arrow, { id });
    // It ends in the span that is open here, or else in the next one.
    const isInside = to.isOut || to.sections > 0;
    this.#write('f', to, time, arrow, isInside ? { id, bp: 'e' } : { id });
  }

  #move(thread: ThreadState, cpu: number, time: number): void {
    this.#comeBack(thread, time);
    for (let section = 0; section < thread.sections; section++) {
      this.#write(
        'E',
        thread,
        time,
        { name: SECTION, cat: SECTION },
        { args: { end: 'migrated' } },
      );
    }
    thread.cpu = cpu;
    for (let section = 0; section < thread.sections; section++)
      this.#begin(thread, SECTION, time, { continued: true });
  }

  #takeOut(thread: ThreadState, time: number): void {
    if (thread.isOut) return;
    thread.isOut = true;
    this.#begin(thread, OUT, time);
  }

  #comeBack(thread: ThreadState, time: number): void {
    if (!thread.isOut) return;
    thread.isOut = false;
    this.#write('E', thread, time, { name: OUT, cat: OUT });
  }

  /** @returns whether there was one. */
  #endExtension(thread: ThreadState, time: number, end: string): boolean {
    if (thread.extension === null) return false;
    const { id, cpu } = thread.extension;
    thread.extension = null;
    this.#write(
      'e',
      { number: thread.number, cpu },
      time,
      { name: EXTENSION, cat: EXTENSION },
      { id, args: { end } },
    );
    return true;
  }

  #endAll(thread: ThreadState, time: number, end: string): void {
    this.#endExtension(thread, time, end);
    this.#comeBack(thread, time);
    for (; thread.sections > 0; thread.sections--)
      this.#write('E', thread, time, { name: SECTION, cat: SECTION }, { args: { end } });
  }

  #begin(
    thread: ThreadState,
    name: string,
    time: number,
    args: Readonly<Record<string, boolean>> = {},
  ): void {
    this.#write(
      'B',
      thread,
      time,
      { name, cat: name },
      Object.keys(args).length === 0 ? {} : { args },
    );
  }

  #instant(thread: ThreadState, time: number, name: string): void {
    this.#write('i', thread, time, { name, cat: 'kernel' }, { s: 't' });
  }

  #processOf(cpu: number): number {
    return this.#places?.get(cpu)?.process ?? cpu + 1;
  }

  #write(
    phase: string,
    { cpu, number }: Pick<ThreadState, 'cpu' | 'number'>,
    time: number,
    { name, cat }: { readonly name: string; readonly cat: string },
    {
      dur,
      ...rest
    }: {
      readonly dur?: number;
      readonly id?: number;
      readonly bp?: string;
      readonly s?: string;
      readonly cname?: string;
      readonly args?: Field;
    } = {},
  ): void {
    const seen = this.#seen.get(cpu) ?? new Set();
    this.#seen.set(cpu, seen.add(number));
    this.lines.push(
      format(
        { ph: phase, pid: this.#processOf(cpu), tid: number, name, cat, ...rest },
        { ts: time, ...(dur === undefined ? {} : { dur }) },
      ),
    );
  }
}

/** One event. Times are in ns here, and written in µs. */
function format(
  fields: Readonly<Record<string, Field>>,
  times: Readonly<Record<string, number>> = {},
): string {
  const words = [
    ...Object.entries(times).map(([name, time]) => `"${name}":${microseconds(time)}`),
    ...Object.entries(fields).map(([name, value]) => `"${name}":${JSON.stringify(value)}`),
  ];
  return `{${words.join(',')}}`;
}
