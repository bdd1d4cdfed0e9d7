/**
 * What the demonstration found, for people: the table of workers, what the
 * outcomes mean, and whether the records are right.
 */
import type { ProbeReport, Stats } from '../../index.ts';
import type { Paint } from '../command.ts';
import { formatTable } from '../table.ts';
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
export function summarize(reports: readonly Report[], check: (transfers: number) => readonly string[]): Summary {
  const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);
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
      revoked: sum(({ stats }) => stats.revoked),
      nested: sum(({ stats }) => stats.nested),
    },
    transfers,
    torn,
    sectionsPerSecond: sum(({ stats, seconds }) => stats.entered / seconds),
    wrong,
  };
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');

export function formatWorkers(reports: readonly Report[], summary: Summary, paint: Paint): string {
  const head = ['worker', 'backend', 'registration', 'sections', 'undisturbed', 'yielded', 'raced', 'revoked', 'sections/s'];
  const outcomes = (stats: Stats): string[] => [stats.entered, stats.undisturbed, stats.yielded, stats.raced, stats.revoked].map(count);
  const rows = reports.map(({ backend, registration, flavour, stats, seconds }, index) => {
    const where = backend === 'linux' ? `${backend} (${flavour})` : backend;
    return [String(index + 1), where, registration, ...outcomes(stats), count(stats.entered / seconds)];
  });
  return formatTable(head, [...rows, ['all', '', '', ...outcomes(summary.stats), count(summary.sectionsPerSecond)]], { left: 3, paint });
}

/** Sentences, one a line. */
export function explain({ stats, transfers, wrong }: Summary, onLinux: boolean, slices: ProbeReport['slices']): string {
  return [
    ...explainOutcomes(stats, onLinux, slices),
    wrong.length === 0
      ? `The records are right: ${count(transfers)} transfers in ${ACCOUNTS} accounts, none lost, none torn, the balances add up.`
      : `THE RECORDS ARE WRONG: ${wrong.join('; ')}.`,
  ].join('\n');
}

function explainOutcomes({ yielded, raced, revoked }: Stats, onLinux: boolean, slices: ProbeReport['slices']): string[] {
  const disturbed = yielded + raced + revoked;
  if (onLinux && disturbed > 0) {
    const share = ((100 * yielded) / disturbed).toFixed(1);
    return [
      `The kernel wanted the CPU in ${count(disturbed)} sections. ${count(yielded)} of them (${share} %) finished in an extension first and gave`,
      `the CPU up by themselves; ${count(raced)} were granted one and too late; ${count(revoked)} were scheduled out inside.`,
    ];
  }
  if (onLinux) return ['The kernel wanted the CPU in no section: try more --workers, or a busier machine.'];
  if (slices.available) return ['The simulated kernel was asked for; this host has slices.'];
  return [
    `No slices on this host, so the simulated kernel served, which grants nothing. ${slices.explanation}`,
    slices.remedy,
    "What stands in the way, line by line: rseq-slice doctor. In a checkout, npm run vm -- npm start shows this demonstration on a kernel with slices.",
  ];
}
