// SPDX-License-Identifier: MIT
/**
 * The rules of the trace event format, as far as these traces use it, and what
 * viewers need beyond them: arrows bind to spans, spans nest. Stricter than any
 * viewer, which leaves out silently what it does not understand.
 */

export interface FormatEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly cat: string;
  readonly ts: number;
  readonly dur?: number;
  readonly id?: number;
  readonly bp?: string;
  readonly cname?: string;
  readonly s?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

const TIMED = ['ph', 'ts', 'pid', 'tid', 'name', 'cat'];

/** Of each phase: the fields it must have, and those it may. */
const PHASES: Readonly<
  Record<string, { readonly must: readonly string[]; readonly may?: readonly string[] }>
> = {
  M: { must: [...TIMED, 'args'] },
  X: { must: [...TIMED, 'dur'], may: ['args', 'cname'] },
  B: { must: TIMED, may: ['args'] },
  E: { must: TIMED, may: ['args'] },
  i: { must: [...TIMED, 's'] },
  b: { must: [...TIMED, 'id'] },
  e: { must: [...TIMED, 'id'], may: ['args'] },
  s: { must: [...TIMED, 'id'] },
  f: { must: [...TIMED, 'id'], may: ['bp'] },
};

/** Some of those that Chrome's viewer knows by name; it refuses a file with another one. */
const COLOURS = ['generic_work', 'good', 'bad', 'terrible'];

function demand(condition: boolean, what: string, event: unknown): asserts condition {
  if (!condition) throw new Error(`${what}: ${JSON.stringify(event)}`);
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
const nanoseconds = (microseconds = 0): number => Math.round(microseconds * 1000);

/**
 * @param places what a process of the trace may be called; default: its CPU
 * @returns the events. @throws on the first rule that is broken, with the event.
 */
export function checkFormat(text: string, places?: RegExp): FormatEvent[] {
  for (const [, , number = ''] of text.matchAll(/"(ts|dur)":([^,}]*)/g)) {
    demand(
      /^(0|[1-9]\d*)\.\d{3}$/.test(number),
      'a time is not whole nanoseconds written in microseconds',
      number,
    );
  }
  const file = JSON.parse(text) as {
    traceEvents: FormatEvent[];
    displayTimeUnit: unknown;
    otherData: Record<string, unknown>;
  };
  demand(
    Object.keys(file).join() === 'traceEvents,displayTimeUnit,otherData',
    'other members',
    Object.keys(file),
  );
  demand(file.displayTimeUnit === 'ns', 'another unit', file.displayTimeUnit);
  demand(
    Object.values(file.otherData).every((value) => typeof value === 'string'),
    'no texts',
    file.otherData,
  );
  demand(Array.isArray(file.traceEvents), 'no array of events', file.traceEvents);
  file.traceEvents.forEach(checkFields);
  checkMetadata(file.traceEvents, places);
  file.traceEvents.forEach((event, index, all) => {
    demand(event.ts >= (all[index - 1]?.ts ?? 0), 'goes back in time', event);
  });
  const timed = file.traceEvents.filter(({ ph }) => ph !== 'M');
  checkSpans(timed);
  checkPairs(timed, 'b', 'e');
  checkPairs(timed, 's', 'f');
  return file.traceEvents;
}

function checkFields(event: FormatEvent): void {
  const rule = PHASES[event.ph];
  demand(rule !== undefined, 'an unknown phase', event);
  const names = Object.keys(event);
  demand(
    rule.must.every((name) => names.includes(name)),
    'a field is missing',
    event,
  );
  demand(
    names.every((name) => rule.must.includes(name) || rule.may?.includes(name) === true),
    'a field too many',
    event,
  );
  demand(
    ['pid', 'tid', 'id'].every(
      (name) => !names.includes(name) || isNumber(Reflect.get(event, name)),
    ),
    'no number',
    event,
  );
  demand(
    ['ts', 'dur'].every((name) => !names.includes(name) || Number(Reflect.get(event, name)) >= 0),
    'no time',
    event,
  );
  demand(typeof event.name === 'string' && event.name !== '', 'no name', event);
  demand(typeof event.cat === 'string' && event.cat !== '', 'no category', event);
  demand(event.s === undefined || ['t', 'p', 'g'].includes(event.s), 'no scope', event);
  demand(event.bp === undefined || event.bp === 'e', 'no binding point', event);
  demand(
    event.cname === undefined || COLOURS.includes(event.cname),
    'no colour of the viewer',
    event,
  );
  demand(
    event.args === undefined || (typeof event.args === 'object' && !Array.isArray(event.args)),
    'no arguments',
    event,
  );
}

/** Every CPU and every thread has one name, and all names come first. */
function checkMetadata(events: readonly FormatEvent[], places?: RegExp): void {
  const named = new Set<string>();
  let isOver = false;
  for (const event of events) {
    const { ph, pid, tid, name, args } = event;
    const thread = `${pid}/${tid}`;
    if (ph !== 'M') {
      isOver = true;
      demand(named.has(String(pid)), 'a process without a name', event);
      demand(named.has(thread), 'a thread without a name', event);
      continue;
    }
    demand(!isOver, 'metadata behind events', event);
    const key = name === 'process_name' ? String(pid) : thread;
    demand(name === 'thread_name' || name === 'process_name', 'unknown metadata', event);
    demand(typeof args?.['name'] === 'string', 'metadata without a name', event);
    demand(
      name === 'thread_name' || (places?.test(args['name']) ?? args['name'] === `CPU ${pid - 1}`),
      'a process that is no CPU',
      event,
    );
    demand(!named.has(key), 'named twice', event);
    named.add(key);
  }
}

/** Spans of a thread nest, none is left open, and arrows have the spans they bind to. */
function checkSpans(events: readonly FormatEvent[]): void {
  const stacks = new Map<string, { readonly name: string; readonly until: number }[]>();
  for (const event of events) {
    const { ph, pid, tid, name, bp } = event;
    const key = `${pid}/${tid}`;
    const stack = stacks.get(key) ?? [];
    stacks.set(key, stack);
    const now = nanoseconds(event.ts);
    while ((stack.at(-1)?.until ?? Infinity) <= now) stack.pop();
    const isInStep = (stack.at(-1)?.until ?? Infinity) < Infinity;
    if (ph === 'B') {
      demand(!isInStep, 'begins in the middle of a complete span', event);
      stack.push({ name, until: Infinity });
    } else if (ph === 'X') {
      const until = now + nanoseconds(event.dur);
      demand(until <= (stack.at(-1)?.until ?? Infinity), 'complete spans overlap', event);
      stack.push({ name, until });
    } else if (ph === 'E') {
      const begun = stack.pop();
      demand(begun?.name === name && begun.until === Infinity, 'ends what is not innermost', event);
    } else if (ph === 's' || bp === 'e') {
      demand(stack.length > 0, 'an arrow without a span', event);
    }
  }
  for (const [key, stack] of stacks)
    demand(
      stack.every(({ until }) => until < Infinity),
      'left open',
      { key, stack },
    );
}

/** Each id once at each end, in this order, and of one name and category. */
function checkPairs(events: readonly FormatEvent[], first: string, second: string): void {
  const open = new Map<string, FormatEvent>();
  const used = new Set<string>();
  for (const event of events) {
    const key = `${event.cat} ${event.name} ${String(event.id)}`;
    if (event.ph === first) {
      demand(!used.has(key), 'an id is used twice', event);
      used.add(key);
      open.set(key, event);
    } else if (event.ph === second) {
      const begun = open.get(key);
      demand(begun !== undefined, 'ends what has not begun', event);
      demand(
        first === 's' || (begun.pid === event.pid && begun.tid === event.tid),
        'ends elsewhere',
        event,
      );
      demand(
        first !== 's' || (begun.pid === event.pid && begun.tid !== event.tid),
        'an arrow that hands no CPU over',
        event,
      );
      open.delete(key);
    }
  }
  demand(open.size === 0, 'has no end', [...open.values()]);
}
