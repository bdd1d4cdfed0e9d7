/**
 * What recordings add up to, as data and in words. Counts are of all sections;
 * only events can have been dropped.
 *
 * How long a grant was used is not known in the thread that had it: the kernel
 * grants in an interrupt and tells no time. Known is when the section began, if
 * it was timed, and when the thread gave the CPU back: the grant lies between.
 */
import { isNeverYielded, WITHOUT_YIELD } from './granted.ts';
import { Outcome } from '../thread.ts';
import type { KernelCounters } from './kernel/counters.ts';
import type { KernelTrace } from './kernel/events.ts';
import { USE_WIDTH } from './memory.ts';
import type { Recording } from './recordings.ts';

export interface TraceSummary {
  readonly processes: number;
  readonly threads: number;
  /** Threads of which nothing is known but that they began. */
  readonly lost: number;
  /** Threads on the simulated kernel to which nothing was granted: there were no slices for them. */
  readonly withoutSlices: number;
  /** As the threads' `stats()` count them, together. */
  readonly sections: {
    readonly entered: number;
    readonly undisturbed: number;
    readonly yielded: number;
    readonly raced: number;
    readonly revoked: number;
    readonly nested: number;
    /** Entered and not left. */
    readonly open: number;
  };
  readonly timed: { readonly every: number; readonly undisturbed: number; readonly dropped: number };
  /** Disturbed sections, waits and releases that did not fit. */
  readonly dropped: number;
  /** Times in us. */
  readonly waits: { readonly count: number; readonly total: number; readonly longest: number; readonly gaveUp: number; readonly abandoned: number };
  readonly releases: number;
  readonly grants: {
    readonly yielded: number;
    /** Seen by the thread, and over by the time it gave them back. What expires while nobody looks shows as a revoked section, as do preemptions without a grant. */
    readonly expired: number;
    /** Of how many it is known how long they were used at most. */
    readonly measured: number;
    /** By that time, in us, where there are any; `to` is null in the last class there can be. */
    readonly used: readonly { readonly from: number; readonly to: number | null; readonly count: number }[];
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

export function summarize(recordings: readonly Recording[], kernel: KernelAccounts = { counters: null, trace: null }): TraceSummary {
  const sum = (of: (recording: Recording) => number): number => recordings.reduce((total, recording) => total + of(recording), 0);
  const outcome = (which: Outcome): number => sum(({ outcomes }) => outcomes[which] ?? 0);
  const entered = sum((recording) => recording.entered);
  const uses = (recordings[0]?.uses ?? []).map((_, index) => sum((recording) => recording.uses[index] ?? 0));
  const width = USE_WIDTH / NS_A_US;
  const [yielded, raced] = [outcome(Outcome.Yielded), outcome(Outcome.Raced)];
  return {
    processes: new Set(recordings.map((recording) => recording.process)).size,
    threads: recordings.length,
    lost: recordings.filter(({ isWhole }) => !isWhole).length,
    withoutSlices: recordings.filter(({ backend, outcomes }) => backend === 'simulated' && (outcomes[Outcome.Yielded] ?? 0) + (outcomes[Outcome.Raced] ?? 0) === 0).length,
    sections: {
      entered,
      undisturbed: outcome(Outcome.Undisturbed),
      yielded,
      raced,
      revoked: outcome(Outcome.Revoked),
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
      used: uses.map((count, index) => ({ from: index * width, to: index === uses.length - 1 ? null : (index + 1) * width, count })).filter(({ count }) => count > 0),
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

const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** Lines for people. */
export function describe(summary: TraceSummary): string[] {
  const { threads, processes, lost, sections, timed, dropped, waits, releases } = summary;
  const inProcesses = processes > 1 ? ` in ${processes} processes` : '';
  const open = sections.open > 0 ? `, ${number(sections.open)} not left` : '';
  return [
    `${threads} ${threads === 1 ? 'thread' : 'threads'}${inProcesses}, ${number(sections.entered)} sections: ${number(sections.undisturbed)} undisturbed, ${number(sections.yielded)} yielded, ` +
      `${number(sections.raced)} raced, ${number(sections.revoked)} revoked, ${number(sections.nested)} nested${open}`,
    ...describeSlices(summary),
    `timed: all that were disturbed, and ${number(timed.undisturbed)} others${timed.every > 1 ? `, one in ${timed.every}` : ''}`,
    `locks: ${number(waits.count)} waits, ${number(waits.total)} us in all, the longest ${number(waits.longest)} us; ${number(waits.gaveUp)} given up, ` +
      `${number(waits.abandoned)} ended by a death; ${number(releases)} releases to those who waited`,
    ...describeDrops(timed.dropped, dropped),
    ...(lost > 0 ? [`${lost} ${lost === 1 ? 'thread' : 'threads'} ended before the recording was written: without the addon, only a thread that ends by itself writes it`] : []),
    ...describeGrants(summary),
    ...describeKernel(summary.kernel),
    ...describeTracing(summary.tracing),
  ];
}

/** What the figures cannot say: that there was nothing to have, or that what there was went unused. */
function describeSlices({ threads, withoutSlices, sections: { yielded, raced }, kernel }: TraceSummary): string[] {
  const isAll = withoutSlices === threads;
  const who = isAll ? 'no slices: every thread was' : `no slices for ${withoutSlices} of ${threads} threads, which were`;
  const isUnused = isNeverYielded(raced, yielded) || (kernel !== null && isNeverYielded(kernel.granted, kernel.yielded));
  return [
    ...(withoutSlices === 0 ? [] : [`${who} on the simulated kernel, which grants nothing; what stands in the way: rseq-slice doctor`]),
    ...(isUnused ? [`${WITHOUT_YIELD} Something answers rseq_slice_yield in the kernel's place, or a section of a program's own makes another call in its place, or none`] : []),
  ];
}

function describeDrops(timed: number, events: number): string[] {
  if (timed + events === 0) return [];
  return [`dropped: the oldest ${number(timed)} undisturbed sections and ${number(events)} other events of the trace, none of the counts; --events keeps more`];
}

function describeGrants({ sections: { revoked }, grants: { yielded, expired, measured, used } }: TraceSummary): string[] {
  const head = `grants: ${number(yielded)} given back in time, ${number(expired)} expired before that; ${number(revoked)} sections were revoked, by an expiry too or because nothing was granted`;
  if (measured === 0) return [head];
  return [head, `used for at most so many us, of the ${number(measured)} whose section was timed:`, ...histogram(used)];
}

function histogram(classes: readonly { readonly from: number; readonly to: number | null; readonly count: number }[]): string[] {
  const most = Math.max(...classes.map(({ count }) => count));
  return classes.map(
    ({ from, to, count }) => `${String(from).padStart(4)} .. ${(to === null ? '' : String(to)).padEnd(4)} ${'#'.repeat(Math.ceil((count / most) * BAR)).padEnd(BAR)} ${number(count)}`,
  );
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
  const { switches, lost, extensions: { ended, expired, used } } = tracing;
  return [
    `the kernel traced: ${number(switches)} switches; ${number(ended + expired)} extensions, of which ${number(expired)} ran out` +
      (lost > 0 ? `; the oldest ${number(lost)} of its records were overwritten` : ''),
    ...(used.length === 0 ? [] : ['the others took so many us:', ...histogram(coarsen(used))]),
  ];
}

/** Beyond 8 us, four classes for each doubling: from fast to late is a long way. */
function coarsen(used: TracingSummary['extensions']['used']): { readonly from: number; readonly to: number; readonly count: number }[] {
  const counts = new Map<number, { readonly from: number; readonly to: number; readonly count: number }>();
  for (const { us, count } of used) {
    const width = us < 8 ? 1 : 2 ** (Math.floor(Math.log2(us)) - 2);
    const from = us - (us % width);
    counts.set(from, { from, to: from + width, count: count + (counts.get(from)?.count ?? 0) });
  }
  return [...counts.values()];
}
