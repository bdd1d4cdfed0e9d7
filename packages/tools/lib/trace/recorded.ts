// SPDX-License-Identifier: MIT
/**
 * Recordings of threads as a trace: each process one of the trace, each thread a
 * row. A section is a span where its begin is known; giving the CPU up is one
 * always, and waiting for a lock and releasing one that is waited for. An arrow
 * goes from a release to the wait that it ended.
 */
import { Outcome } from 'rseq-slice';
import { LOCK_KINDS, NO_LOCK, WAIT_ENDS } from 'rseq-slice/internal';
import type { Trace, TraceEvent } from 'rseq-slice/internal';
import type { KernelTrace } from './kernel/events.ts';
import { kernelRows } from './kernel/rows.ts';
import { threadName } from './recordings.ts';
import type { RecordedEvent, RecordedRelease, RecordedWait, Recording } from './recordings.ts';

const OUTCOMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Outcome).map(([name, number]) => [number, name.toLowerCase()]),
);
const HAND_OVER = 'hand-over';
/** From leaving a section until the thread has the CPU again. */
const GIVEN_BACK = 'CPU given back';

interface Span {
  readonly name: string;
  from: number;
  to: number;
  readonly args?: Readonly<Record<string, string>>;
  readonly about: RecordedEvent;
}

interface Row {
  readonly place: number;
  /** Attachments of one thread, one after another, have the same. */
  readonly number: number;
  readonly name: string;
  readonly spans: readonly Span[];
}

/**
 * @param about what else a reader of the file should know
 * @param kernel what the kernel traced meanwhile; null: it did not
 */
export function traceOfRecordings(
  recordings: readonly Recording[],
  about: Readonly<Record<string, string>> = {},
  kernel: KernelTrace | null = null,
): Trace {
  const processes = [...new Set(recordings.map((recording) => recording.process))];
  const locks = numberLocks(recordings);
  const spans = recordings.map(({ events }) =>
    nest(events.flatMap((event) => spansOf(event, locks))),
  );
  const numbers = numberRows(recordings, spans);
  const rows = recordings.map((recording, index): Row => ({
    place: processes.indexOf(recording.process),
    number: numbers[index] ?? 0,
    name: threadName(recording),
    spans: spans[index] ?? [],
  }));
  const traced =
    kernel === null
      ? null
      : kernelRows(kernel, recordings, {
          place: processes.length,
          firstFree: FIRST_FREE + rows.length,
          placeOf: (index) => placeOf(rows[index] ?? { place: 0, number: 0 }),
        });
  const begin = earliest([
    ...recordings.map(({ started }) => started),
    ...rows.flatMap(({ spans }) => spans.slice(0, 1).map(({ from }) => from)),
    traced?.begin ?? Infinity,
  ]);
  const at = (time: number): number => Math.round(time - begin);
  const events = rows.flatMap((row) =>
    row.spans.map(({ name, from, to, args }): TraceEvent => ({
      ...placeOf(row),
      time: at(from),
      kind: 'span',
      label: name,
      duration: at(to) - at(from),
      ...(args === undefined ? {} : { args }),
    })),
  );
  return {
    events: [
      ...events,
      ...arrows(rows, at),
      ...(traced?.events ?? []).map((event) => ({ ...event, time: at(event.time) })),
    ],
    threads: new Map([
      ...rows.map(({ number, name }) => [number, name] as const),
      ...(traced?.threads ?? []),
    ]),
    places: new Map([
      ...processes.map((process, index) => [index, { name: 'process', process }] as const),
      ...(traced?.places ?? []),
    ]),
    about: { clock: 'CLOCK_MONOTONIC', begin: `${begin} ns`, ...about },
  };
}

/**
 * No process or thread of Linux has this number or a greater one. Source: PID_MAX_LIMIT,
 * include/linux/threads.h.
 */
const FIRST_FREE = 2 ** 22 + 1;

/**
 * The number of each row: the kernel's number of the thread, unless that is not known or taken. A
 * thread's attachments one after another are one row. Some at once, as simulated threads may be,
 * have rows of their own, since their spans may overlap.
 */
function numberRows(
  recordings: readonly Recording[],
  spans: readonly (readonly Span[])[],
): number[] {
  const lanes: {
    readonly process: number;
    readonly thread: number;
    readonly number: number;
    end: number;
  }[] = [];
  return recordings.map(({ process, thread, kernelThread }, index) => {
    const own = spans[index] ?? [];
    const [begin, end] = [
      own[0]?.from ?? Infinity,
      own.reduce((last, { to }) => Math.max(last, to), -Infinity),
    ];
    const free = lanes.find(
      (lane) => lane.process === process && lane.thread === thread && lane.end <= begin,
    );
    if (free !== undefined) {
      free.end = Math.max(free.end, end);
      return free.number;
    }
    const isTaken = kernelThread === 0 || lanes.some(({ number }) => number === kernelThread);
    const number = isTaken ? FIRST_FREE + index : kernelThread;
    lanes.push({ process, thread, number, end });
    return number;
  });
}

/** 0 if there are none. */
function earliest(times: readonly number[]): number {
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  return first === Infinity ? 0 : first;
}

const placeOf = ({
  place,
  number,
}: Pick<Row, 'place' | 'number'>): { readonly cpu: number; readonly thread: number } => ({
  cpu: place,
  thread: number,
});

/**
 * Small numbers for locks, in the order in which they are met: the recorded ones tell apart and
 * nothing else.
 */
function numberLocks(recordings: readonly Recording[]): ReadonlyMap<number, number> {
  const met = recordings
    .flatMap(({ events }) =>
      events.flatMap((event) => ('lock' in event && event.lock !== NO_LOCK ? [event] : [])),
    )
    .sort((a, b) => a.from - b.from);
  return new Map([...new Set(met.map(({ lock }) => lock))].map((lock, index) => [lock, index + 1]));
}

function spansOf(about: RecordedEvent, locks: ReadonlyMap<number, number>): Span[] {
  const { from, to } = about;
  const span = (
    name: string,
    begin: number,
    end: number,
    args?: Readonly<Record<string, string>>,
  ): Span => ({ name, from: begin, to: end, about, ...(args === undefined ? {} : { args }) });
  switch (about.kind) {
    case 'section': {
      const outcome = OUTCOMES.get(about.outcome) ?? 'unknown';
      return [
        ...(from === null
          ? []
          : [
              span(outcome === 'undisturbed' ? 'section' : `section, ${outcome}`, from, to, {
                outcome,
              }),
            ]),
        ...(about.back === null ? [] : [span(GIVEN_BACK, to, about.back, { outcome })]),
      ];
    }
    case 'yield':
      return [span('yield before sleep', about.from, to)];
    case 'wait':
      return [
        span('wait', about.from, to, {
          ...lockOf(about, locks),
          end: WAIT_ENDS[about.end] ?? 'unknown',
        }),
      ];
    case 'release':
      return [span('release', about.from, to, lockOf(about, locks))];
  }
}

const lockOf = (
  { lockKind, lock }: RecordedWait | RecordedRelease,
  locks: ReadonlyMap<number, number>,
): { readonly lock: string } => ({
  lock: `${LOCK_KINDS[lockKind] ?? 'lock'}${lock === NO_LOCK ? '' : ` ${locks.get(lock) ?? lock}`}`,
});

/**
 * Spans of a row must lie within each other or apart. A section begins at the
 * end of a wait, before that is noted, and ends in the middle of a release,
 * which is noted when all is over: where two overlap, what was noted later gives
 * way, by the little time that noting takes.
 */
function nest(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted(inOrder);
  const open: Span[] = [];
  for (let index = 0; index < sorted.length;) {
    const span = sorted[index];
    if (span === undefined) break;
    while ((open.at(-1)?.to ?? Infinity) <= span.from) open.pop();
    let outer = open.at(-1);
    while (outer !== undefined && outer.to < span.to && outer.name !== 'wait') {
      outer.to = span.from;
      open.pop();
      outer = open.at(-1);
    }
    if (outer !== undefined && outer.to < span.to) {
      span.from = outer.to;
      putBack(sorted, index);
      continue;
    }
    open.push(span);
    index++;
  }
  return sorted.sort(inOrder);
}

const inOrder = (a: Span, b: Span): number => a.from - b.from || b.to - a.to;

/** Moves a span that begins later now to its place. */
function putBack(sorted: Span[], index: number): void {
  for (let next = index + 1; next < sorted.length; next++) {
    const [span, other] = [sorted[next - 1], sorted[next]];
    if (span === undefined || other === undefined || inOrder(span, other) <= 0) return;
    sorted[next - 1] = other;
    sorted[next] = span;
  }
}

/**
 * From each release to the wait of another thread of the process that it ended: the first one that
 * was over afterwards.
 */
function arrows(rows: readonly Row[], at: (time: number) => number): TraceEvent[] {
  const ends = rows.flatMap((row) =>
    row.spans.flatMap((span) =>
      span.about.kind === 'wait' || span.about.kind === 'release'
        ? [{ row, span, about: span.about }]
        : [],
    ),
  );
  const time = ({ span, about }: (typeof ends)[number]): number =>
    about.kind === 'wait' ? span.to : span.from;
  const events: TraceEvent[] = [];
  const released = new Map<number, (typeof ends)[number]>();
  let count = 0;
  for (const end of ends.sort((a, b) => time(a) - time(b))) {
    const { row, span, about } = end;
    if (about.kind === 'release') {
      released.set(about.lock, end);
      continue;
    }
    const release = released.get(about.lock);
    if (
      release === undefined ||
      release.row.number === row.number ||
      release.row.place !== row.place ||
      WAIT_ENDS[about.end] === 'given up'
    )
      continue;
    // Both ends must lie within their spans.
    const [from, to] = [at(release.span.from), at(span.to) - 1];
    if (to < from || to < at(span.from) || at(release.span.to) <= from) continue;
    released.delete(about.lock);
    const arrow = ++count;
    events.push({
      ...placeOf(release.row),
      time: from,
      kind: 'arrow from',
      label: HAND_OVER,
      arrow,
    });
    events.push({ ...placeOf(row), time: to, kind: 'arrow to', label: HAND_OVER, arrow });
  }
  return events;
}
