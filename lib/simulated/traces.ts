// SPDX-License-Identifier: MIT
/**
 * Traces of what happened in the simulated kernel, to be opened in Perfetto's or
 * Chrome's viewer. The same choices give the same text, byte by byte.
 */
import type { Moment, Run } from './explorer/explorer.ts';
import type { SimulatedKernel } from './kernel.ts';
import { chromeTrace } from '../trace-format/chrome.ts';
import type { Trace, TraceEvent } from '../trace-format/events.ts';

/**
 * ns; what a move of a run takes. A model has no clock, so this is a convention: long enough to be
 * seen beside an extension, short enough to be a few instructions.
 */
export const MOVE_DURATION = 100;

/** A run of the explorer as a trace file. One move takes 100 ns. */
export function traceOfRun(run: Run): string {
  return chromeTrace(eventsOfRun(run));
}

/** What a simulated kernel recorded so far as a trace file, on that kernel's clock. */
export function traceOfKernel(kernel: Pick<SimulatedKernel, 'events' | 'now'>): string {
  return chromeTrace(eventsOfKernel(kernel));
}

/** What a simulated kernel recorded so far. Threads are numbered from 1, as they first appear. */
export function eventsOfKernel({ events, now }: Pick<SimulatedKernel, 'events' | 'now'>): Trace {
  const numbers = new Map<string, number>();
  const numbered = events.map(({ time, cpu, thread, event }): TraceEvent => {
    const number = numbers.get(thread) ?? numbers.size + 1;
    numbers.set(thread, number);
    return { time, cpu, thread: number, kind: event };
  });
  return {
    events: numbered,
    threads: new Map([...numbers].map(([name, number]) => [number, name])),
    end: now,
  };
}

/**
 * The moves of a run. A step's effects are at its end, where a system call's
 * are; those of an interrupt come with it.
 *
 * Only the control word shows when a program of a model asks and takes back, so
 * a section begins with the step after which the word asks. It ends with the
 * step that leaves the word zero; if an interrupt did that, the thread does not
 * know yet, and the section goes on until it is outside or asks again.
 */
export function eventsOfRun({ model, moments, choices, violation }: Run): Trace {
  const sections = model.threads.map(
    ({ steps }) =>
      new Sections(steps.filter(({ outside }) => outside === true).map(({ label }) => label)),
  );
  const events = moments.flatMap((moment, index): TraceEvent[] => {
    const { cpu, event, label, effects } = moment;
    const thread = moment.thread + 1;
    const start = index * MOVE_DURATION;
    const end = start + MOVE_DURATION;
    const { before = [], after = [] } = sections[moment.thread]?.note(moment) ?? {};
    const at =
      (time: number) =>
      (kind: TraceEvent['kind']): TraceEvent => ({ time, cpu, thread, kind });
    const move: TraceEvent =
      event === 'step'
        ? { time: start, cpu, thread, kind: 'step', label, duration: MOVE_DURATION }
        : {
            time: start,
            cpu,
            thread,
            kind: event === 'preempt and migrate' ? 'migrate' : 'interrupt',
            label: event,
          };
    // Taking back comes first: it is the thread's, and where the thread is switched out it is so
    // afterwards.
    return [
      ...before.map(at(start)),
      move,
      ...after.map(at(end)),
      ...effects.map(at(event === 'step' ? end : start)),
    ];
  });
  return {
    events,
    threads: new Map(
      model.threads.map(({ name }, index) => [index + 1, name ?? `thread ${index}`]),
    ),
    end: moments.length * MOVE_DURATION,
    about: { model: model.name, replay: choices, ...(violation === null ? {} : { violation }) },
  };
}

interface Changes {
  readonly before?: readonly ('request' | 'withdraw')[];
  readonly after?: readonly ('request' | 'withdraw')[];
}

/** Where the sections of one thread of a run begin and end. */
class Sections {
  readonly #outside: ReadonlySet<string>;
  #word = 0;
  #isOpen = false;
  /** The kernel took the request away, and the thread has not noticed. */
  #isLost = false;

  constructor(outside: readonly string[]) {
    this.#outside = new Set(outside);
  }

  note({ event, label, effects, word }: Moment): Changes {
    const before = this.#word;
    this.#word = word;
    if (event === 'step' && before === 0 && word !== 0) {
      const wasOpen = this.#isOpen;
      this.#isOpen = true;
      this.#isLost = false;
      return { before: wasOpen ? ['withdraw', 'request'] : ['request'] };
    }
    if (!this.#isOpen) return {};
    if (event === 'step' && this.#isLost && this.#outside.has(label)) return this.#close('before');
    if (before === 0 || word !== 0) return {};
    // The yield is the thread's own way out; any other system call that gives the CPU up is not.
    if (event === 'step' && (effects.length === 0 || effects.includes('yielded')))
      return this.#close('after');
    this.#isLost = true;
    return {};
  }

  #close(when: 'before' | 'after'): Changes {
    this.#isOpen = false;
    this.#isLost = false;
    return { [when]: ['withdraw'] };
  }
}
