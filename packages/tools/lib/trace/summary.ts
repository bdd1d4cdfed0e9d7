// SPDX-License-Identifier: MIT
/**
 * What recordings add up to, as data and in words. Counts are of all sections;
 * only events can have been dropped.
 *
 * How long a grant was used is not known in the thread that had it: the kernel
 * grants in an interrupt and tells no time. Known is when the section began, if
 * it was timed, and when the thread gave the CPU back: the grant lies between.
 */
import { Outcome } from 'rseq-slice';
import { USE_WIDTH, WITHOUT_YIELD, isNeverYielded } from 'rseq-slice/internal';
import type { KernelCounters } from './kernel/counters.ts';
import type { KernelTrace } from './kernel/events.ts';
import type { Recording } from './recordings.ts';

export interface TraceSummary {
  readonly processes: number;
  readonly threads: number;
  /** Threads of which nothing is known but that they began. */
  readonly lost: number;
  /**
   * Threads on the simulated kernel to which nothing was granted: there were no slices for them.
   */
  readonly withoutSlices: number;
  /** As the threads' `stats()` count them, together. */
  readonly sections: {
    readonly entered: number;
    readonly undisturbed: number;
    readonly yielded: number;
    readonly raced: number;
    readonly preempted: number;
    readonly nested: number;
    /** Entered and not left. */
    readonly open: number;
  };
  readonly timed: {
    readonly every: number;
    readonly undisturbed: number;
    readonly dropped: number;
  };
  /** Disturbed sections, waits and releases that did not fit. */
  readonly dropped: number;
  /** Times in us. */
  readonly waits: {
    readonly count: number;
    readonly total: number;
    readonly longest: number;
    readonly gaveUp: number;
    readonly abandoned: number;
  };
  readonly releases: number;
  readonly grants: {
    readonly yielded: number;
    /**
     * Seen by the thread, and over by the time it gave them back. What expires while nobody looks
     * shows as a preempted section, as do preemptions without a grant.
     */
    readonly expired: number;
    /** Of how many it is known how long they were used at most. */
    readonly measured: number;
    /** By that time, in us, where there are any; `to` is null in the last class there can be. */
    readonly used: readonly {
      readonly from: number;
      readonly to: number | null;
      readonly count: number;
    }[];
  };
  /** What the kernel counted meanwhile, of the whole system; null: not to be read here. */
  readonly kernel: KernelCounters | null;
  /** What the kernel traced of the program; null: it did not. */
  readonly tracing: TracingSummary | null;
}

export interface TracingSummary {
  readonly switches: number;
  /** Records that later ones were written over: what they told is missing here. */
  readonly lost: number;
  /** By the timer that ends them. */
  readonly extensions: {
    /** The CPU was given back or taken before their time was over. */
    readonly ended: number;
    readonly expired: number;
    /** Those that ended, by whole us. */
    readonly used: readonly { readonly us: number; readonly count: number }[];
  };
}

/** What the kernel told of the time. */
export interface KernelAccounts {
  readonly counters: KernelCounters | null;
  readonly trace: KernelTrace | null;
}

const BAR = 40;
const NS_A_US = 1000;

export function summarize(
  recordings: readonly Recording[],
  kernel: KernelAccounts = { counters: null, trace: null },
): TraceSummary {
  const sum = (of: (recording: Recording) => number): number =>
    recordings.reduce((total, recording) => total + of(recording), 0);
  const outcome = (which: Outcome): number => sum(({ outcomes }) => outcomes[which] ?? 0);
  const entered = sum((recording) => recording.entered);
  const uses = (recordings[0]?.uses ?? []).map((_, index) =>
    sum((recording) => recording.uses[index] ?? 0),
  );
  const width = USE_WIDTH / NS_A_US;
  const [yielded, raced] = [outcome(Outcome.Yielded), outcome(Outcome.Raced)];
  return {
    processes: new Set(recordings.map((recording) => recording.process)).size,
    threads: recordings.length,
    lost: recordings.filter(({ isWhole }) => !isWhole).length,
    withoutSlices: recordings.filter(
      ({ host, outcomes }) =>
        host === 'simulated' &&
        (outcomes[Outcome.Yielded] ?? 0) + (outcomes[Outcome.Raced] ?? 0) === 0,
    ).length,
    sections: {
      entered,
      undisturbed: outcome(Outcome.Undisturbed),
      yielded,
      raced,
      preempted: outcome(Outcome.Preempted),
      nested: outcome(Outcome.Nested),
      open: entered - sum(({ outcomes }) => outcomes.reduce((total, count) => total + count, 0)),
    },
    timed: {
      every: recordings[0]?.every ?? 0,
      undisturbed: sum(({ timed }) => timed),
      dropped: sum(({ dropped }) => dropped.timed),
    },
    dropped: sum(({ dropped }) => dropped.events),
    waits: {
      count: sum(({ waits }) => waits.count),
      total: sum(({ waits }) => waits.time) / NS_A_US,
      longest: Math.max(0, ...recordings.map(({ waits }) => waits.longest)) / NS_A_US,
      gaveUp: sum(({ waits }) => waits.gaveUp),
      abandoned: sum(({ waits }) => waits.abandoned),
    },
    releases: sum(({ releases }) => releases),
    grants: {
      yielded,
      expired: raced,
      measured: uses.reduce((total, count) => total + count, 0),
      used: uses
        .map((count, index) => ({
          from: index * width,
          to: index === uses.length - 1 ? null : (index + 1) * width,
          count,
        }))
        .filter(({ count }) => count > 0),
    },
    kernel: kernel.counters,
    tracing: kernel.trace === null ? null : summarizeTracing(kernel.trace),
  };
}

function summarizeTracing({ switches, lost, extensions }: KernelTrace): TracingSummary {
  const used = new Map<number, number>();
  const ended = extensions.filter(({ isExpired }) => !isExpired);
  for (const { from, to } of ended) {
    const us = Math.floor((to - from) / NS_A_US);
    used.set(us, (used.get(us) ?? 0) + 1);
  }
  return {
    switches: switches.length,
    lost,
    extensions: {
      ended: ended.length,
      expired: extensions.length - ended.length,
      used: [...used].sort(([a], [b]) => a - b).map(([us, count]) => ({ us, count })),
    },
  };
}

const number = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** Those that are not zero, each with what it is. */
function counted(...counts: readonly (readonly [count: number, what: string])[]): string {
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${number(count)} ${what}`)
    .join(', ');
}

/** Lines for people, of what there was: zeros are left to the data. */
export function describe(summary: TraceSummary): string[] {
  const { threads, processes, lost, sections, timed, dropped } = summary;
  const inProcesses = processes > 1 ? ` in ${processes} processes` : '';
  const ends = counted(
    [sections.undisturbed, 'undisturbed'],
    [sections.yielded, 'yielded'],
    [sections.raced, 'raced'],
    [sections.preempted, 'preempted'],
    [sections.nested, 'nested'],
    [sections.open, 'not left'],
  );
  return [
    `${threads} ${threads === 1 ? 'thread' : 'threads'}${inProcesses}, ${number(sections.entered)} sections${ends === '' ? '' : `: ${ends}`}`,
    ...describeSlices(summary),
    ...describeTimed(summary),
    ...describeLocks(summary),
    ...describeDrops(timed.dropped, dropped),
    ...(lost > 0
      ? [
          `${lost} ${lost === 1 ? 'thread' : 'threads'} ended before the recording was written: without the addon, only a thread that ends by itself writes it`,
        ]
      : []),
    ...describeGrants(summary),
    ...describeKernel(summary.kernel),
    ...describeTracing(summary.tracing),
    ...describeExpiries(summary),
  ];
}

/** Of all others that were disturbed the end alone is known. */
function describeTimed({ timed, grants: { yielded, measured } }: TraceSummary): string[] {
  const known = [
    ...(timed.undisturbed === 0
      ? []
      : [
          `${number(timed.undisturbed)} undisturbed sections${timed.every > 1 ? `, one in ${timed.every}` : ''}`,
        ]),
    ...(yielded === 0 ? [] : [`${number(measured)} of the ${number(yielded)} that yielded`]),
  ];
  return known.length === 0 ? [] : [`begin and end known: ${known.join('; ')}`];
}

function describeLocks({ waits, releases }: TraceSummary): string[] {
  const waited =
    waits.count === 0
      ? []
      : [
          `${number(waits.count)} waits, ${number(waits.total)} us in all, the longest ${number(waits.longest)} us`,
        ];
  const ends = counted([waits.gaveUp, 'given up'], [waits.abandoned, 'ended by a death']);
  const all = [
    ...waited,
    ...(ends === '' ? [] : [ends]),
    ...(releases === 0 ? [] : [`${number(releases)} releases with waiters`]),
  ];
  return all.length === 0 ? [] : [`locks: ${all.join('; ')}`];
}

/**
 * What the figures cannot say: that there was nothing to have, or that what there was went unused.
 */
function describeSlices({
  threads,
  withoutSlices,
  sections: { yielded, raced },
  kernel,
}: TraceSummary): string[] {
  const isAll = withoutSlices === threads;
  const who = isAll
    ? 'no slices: every thread was'
    : `no slices for ${withoutSlices} of ${threads} threads, which were`;
  const isUnused =
    isNeverYielded(raced, yielded) ||
    (kernel !== null && isNeverYielded(kernel.granted, kernel.yielded));
  return [
    ...(withoutSlices === 0
      ? []
      : [
          `${who} on the simulated kernel, which grants nothing; for the reason: rseq-slice doctor`,
        ]),
    ...(isUnused
      ? [
          `${WITHOUT_YIELD} Something answers rseq_slice_yield in the kernel's place, or a section of a program's own makes another call in its place, or none`,
        ]
      : []),
  ];
}

function describeDrops(timed: number, events: number): string[] {
  const what = counted([timed, 'undisturbed sections'], [events, 'other events']);
  return what === ''
    ? []
    : [
        `dropped of the trace, none of the counts: the oldest ${what.replace(', ', ' and ')}; --events keeps more`,
      ];
}

function describeGrants({
  sections: { preempted },
  grants: { yielded, expired, measured, used },
}: TraceSummary): string[] {
  const grants = counted([yielded, 'given back in time'], [expired, 'expired']);
  const lines = [
    ...(grants === '' ? [] : [`grants: ${grants}`]),
    ...(preempted === 0
      ? []
      : [`preempted: ${number(preempted)} sections, since a grant expired or nothing was granted`]),
  ];
  if (measured === 0) return lines;
  return [
    ...lines,
    `used for at most this many us, of the ${number(measured)} that yielded and whose beginning is known:`,
    ...histogram(used, () => USE_WIDTH / NS_A_US),
  ];
}

interface Class {
  readonly from: number;
  /** null: there is no end. */
  readonly to: number | null;
  readonly count: number;
}

/**
 * Empty classes between two others have a row too.
 * @param widthAt of the class that begins there
 */
function histogram(classes: readonly Class[], widthAt: (from: number) => number): string[] {
  const most = Math.max(...classes.map(({ count }) => count));
  const [first, last] = [classes[0]?.from ?? 0, classes.at(-1)?.from ?? -1];
  const rows: string[] = [];
  for (let from = first; from <= last; from += widthAt(from)) {
    const { to, count } = classes.find((one) => one.from === from) ?? {
      to: from + widthAt(from),
      count: 0,
    };
    const bar = '#'.repeat(Math.ceil((count / most) * BAR));
    rows.push(
      `${String(from).padStart(4)} .. ${(to === null ? '' : String(to)).padEnd(4)} ${bar.padEnd(BAR)} ${number(count)}`,
    );
  }
  return rows;
}

function describeKernel(kernel: KernelCounters | null): string[] {
  if (kernel === null) return [];
  const { granted, expired, yielded, revoked, aborted } = kernel;
  return [
    `the kernel counted meanwhile, in the whole system: ${number(granted)} grants, of which ${number(expired)} expired; ` +
      `${number(yielded)} ended by yielding, ${number(revoked)} by being scheduled out, ${number(aborted)} by another system call`,
  ];
}

function describeTracing(tracing: TracingSummary | null): string[] {
  if (tracing === null) return [];
  const {
    switches,
    lost,
    extensions: { ended, expired, used },
  } = tracing;
  return [
    `the kernel traced: ${number(switches)} switches; ${number(ended + expired)} extensions, of which ${number(expired)} expired` +
      (lost > 0 ? `; the oldest ${number(lost)} of its records were overwritten` : ''),
    ...(used.length === 0
      ? []
      : ['the others took this many us:', ...histogram(coarsen(used), coarseWidth)]),
  ];
}

/** The counts of what expired are of different things. */
function describeExpiries({ grants, kernel, tracing }: TraceSummary): string[] {
  const others = [
    ...(kernel === null
      ? []
      : [[kernel.expired, 'the kernel counts those of the whole system'] as const]),
    ...(tracing === null
      ? []
      : [
          [
            tracing.extensions.expired,
            'its trace has every timer of the program that ran out, also after the CPU was taken',
          ] as const,
        ]),
  ];
  if (others.every(([expired]) => expired === grants.expired)) return [];
  return [
    `counts of what expired differ: a thread sees only what it was about to give back; ${others.map(([, what]) => what).join('; ')}`,
  ];
}

/** Beyond 8 us, four classes for each doubling: from fast to late is a long way. */
const coarseWidth = (us: number): number => (us < 8 ? 1 : 2 ** (Math.floor(Math.log2(us)) - 2));

function coarsen(used: TracingSummary['extensions']['used']): Class[] {
  const counts = new Map<number, Class>();
  for (const { us, count } of used) {
    const width = coarseWidth(us);
    const from = us - (us % width);
    counts.set(from, { from, to: from + width, count: count + (counts.get(from)?.count ?? 0) });
  }
  return [...counts.values()];
}
