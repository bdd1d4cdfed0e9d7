// SPDX-License-Identifier: MIT
/**
 * What the demonstration found, for people: the table of workers, what the
 * outcomes mean, and whether the records are right.
 */
import type { ProbeReport, Stats } from 'rseq-slice';
import { WITHOUT_YIELD, formatLegend, formatTable, isNeverYielded } from 'rseq-slice/internal';
import type { Guest, TableStyle } from 'rseq-slice/internal';
import { ACCOUNTS } from './ledger.ts';
import type { Report } from './worker.ts';

export interface Summary {
  /** Of all workers. */
  readonly stats: Stats;
  readonly transfers: number;
  readonly torn: number;
  readonly sectionsPerSecond: number;
  /** What is wrong with the records. */
  readonly wrong: readonly string[];
}

/** @param check of the records, given how many transfers the workers made. */
export function summarize(
  reports: readonly Report[],
  check: (transfers: number) => readonly string[],
): Summary {
  const sum = (of: (report: Report) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const transfers = sum((report) => report.transfers);
  const torn = sum((report) => report.torn);
  const wrong = [...check(transfers)];
  if (torn > 0) wrong.unshift(`${torn} times a worker found a record in the middle of an update`);
  return {
    stats: {
      entered: sum(({ stats }) => stats.entered),
      undisturbed: sum(({ stats }) => stats.undisturbed),
      yielded: sum(({ stats }) => stats.yielded),
      raced: sum(({ stats }) => stats.raced),
      preempted: sum(({ stats }) => stats.preempted),
      nested: sum(({ stats }) => stats.nested),
    },
    transfers,
    torn,
    sectionsPerSecond: sum(({ stats, seconds }) => stats.entered / seconds),
    wrong,
  };
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');

const DISTURBED = ['yielded', 'raced', 'preempted'] as const;

const OUTCOMES = [
  ['undisturbed', 'sections in which no other thread wanted the CPU'],
  ['yielded', 'finished in an extension, and gave the CPU up then'],
  ['raced', 'were granted an extension, which was over just before they were'],
  ['preempted', 'were scheduled out inside'],
] as const;

const AREAS: Readonly<Record<string, string>> = {
  libc: "in libc's rseq area",
  replace: "libc's rseq area replaced",
  own: 'in an rseq area of its own',
};

/** Which kernel a worker asked, in words. */
function placeOf({ host, registration, abiVersion }: Report): string {
  return host === 'linux'
    ? `the kernel's (ABI ${abiVersion}; ${AREAS[registration] ?? registration})`
    : 'the simulated kernel, which grants nothing';
}

export function formatWorkers(
  reports: readonly Report[],
  summary: Summary,
  style: TableStyle,
): string {
  const places = reports.map(placeOf);
  // A column of the same words would take the place of figures.
  const isOne = new Set(places).size === 1;
  // Where nothing was granted and nothing taken, all were undisturbed.
  const columns = OUTCOMES.filter(
    ([name]) =>
      DISTURBED.some((disturbed) => summary.stats[disturbed] > 0) &&
      (name === 'undisturbed' || summary.stats[name] > 0),
  );
  const head = [
    'worker',
    ...(isOne ? [] : ['slices of']),
    'sections',
    ...columns.map(([name]) => name),
    'sections/s',
  ];
  const outcomes = (stats: Stats): string[] =>
    [stats.entered, ...columns.map(([name]) => stats[name])].map(count);
  const row = (name: string, place: string, stats: Stats, rate: number): string[] => [
    name,
    ...(isOne ? [] : [place]),
    ...outcomes(stats),
    count(rate),
  ];
  const rows = reports.map(({ stats, seconds }, index) =>
    row(String(index + 1), places[index] ?? '', stats, stats.entered / seconds),
  );
  const table = formatTable(
    head,
    [...rows, row('all', '', summary.stats, summary.sectionsPerSecond)],
    { ...style, left: isOne ? 1 : 2, keys: 1 },
  );
  const legend = columns.length === 0 ? '' : `\n${formatLegend(columns, style)}`;
  const sums = "\nThe rate of all is the sum of the workers' rates.\n";
  return `${isOne ? `Slices of all workers: ${places[0] ?? ''}.\n\n` : ''}${table}${legend}${sums}`;
}

/** What the outcomes have to do with. */
export interface Circumstances {
  /** Whether a worker was attached to the kernel. */
  readonly onLinux: boolean;
  readonly slices: ProbeReport['slices'];
  /** null: none, as far as is known. */
  readonly guest: Guest | null;
}

/** Sentences, one a line. */
export function explain(
  { stats, transfers, wrong }: Summary,
  circumstances: Circumstances,
): string {
  return [
    ...explainOutcomes(stats, circumstances),
    wrong.length === 0
      ? `The records are right: ${count(transfers)} transfers in ${ACCOUNTS} accounts, none lost, none torn, the balances add up.${stats.entered > transfers ? ` The other ${count(stats.entered - transfers)} sections found the lock taken and made no transfer.` : ''}`
      : `THE RECORDS ARE WRONG: ${wrong.join('; ')}.`,
  ].join('\n');
}

function explainOutcomes(
  { yielded, raced, preempted }: Stats,
  { onLinux, slices, guest }: Circumstances,
): string[] {
  const disturbed = yielded + raced + preempted;
  if (onLinux && disturbed > 0) {
    const share = ((100 * yielded) / disturbed).toFixed(1);
    return [
      `The kernel wanted the CPU in ${count(disturbed)} sections. ${count(yielded)} of them (${share} %) finished in an extension first and gave the CPU up by themselves; ${count(raced)} were granted one but were too late; ${count(preempted)} were scheduled out inside.`,
      ...(isNeverYielded(raced, yielded)
        ? [WITHOUT_YIELD]
        : 2 * yielded < disturbed
          ? [explainLosses(guest)]
          : []),
    ];
  }
  if (onLinux)
    return ['The kernel wanted the CPU in no section: try more --workers, or a busier machine.'];
  if (slices.available) return ['The simulated kernel was asked for; this host has slices.'];
  return [
    // Above the table it says whose slices there were.
    slices.explanation,
    slices.remedy,
    'What is in the way, line by line: rseq-slice doctor. To see this demonstration on a kernel with slices: npx rseq-slice-vm -- npx rseq-slice demo, or in a checkout npm run vm -- npm start.',
  ];
}

/** Why most of the disturbed sections were not saved, and what to do about it. */
function explainLosses(guest: Guest | null): string {
  if (guest?.isEmulated === true) {
    return 'Most were lost because this guest is emulated: its CPUs stand still for longer than an extension lasts whenever the host has other work. With npx rseq-slice-vm --icount -- npx rseq-slice demo its clock counts instructions instead.';
  }
  if (guest !== null)
    return 'Most were lost: the host of this guest may take its CPUs away for longer than an extension lasts.';
  return 'Most were lost: an extension may be shorter than these sections are here (rseq-slice doctor tells its length), and the kernel grants none where a signal is pending or the thread itself caused the switch.';
}
