// What the demonstration found, for people: the table of workers, what the outcomes mean, and whether the records are
// right.

import Table from 'cli-table3';
import { ACCOUNTS } from './ledger.mjs';

/** @typedef {import('./worker.mjs').Report} Report */
/** @typedef {import('../../dist/index.js').Stats} Stats */

/**
 * @typedef {object} Summary
 * @property {Stats} stats of all workers
 * @property {number} transfers
 * @property {number} torn
 * @property {number} sectionsPerSecond
 * @property {string[]} wrong what is wrong with the records
 */

/**
 * @param {readonly Report[]} reports
 * @param {(transfers: number) => string[]} check of the records
 * @returns {Summary}
 */
export function summarize(reports, check) {
  const sum = (/** @type {(report: Report) => number} */ of) => reports.reduce((total, report) => total + of(report), 0);
  const transfers = sum((report) => report.transfers);
  const torn = sum((report) => report.torn);
  const wrong = check(transfers);
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

/** @param {number} value */
export const count = (value) => Math.round(value).toLocaleString('en');

/** @param {readonly Report[]} reports @param {Summary} summary @param {boolean} colour @returns {string} */
export function formatTable(reports, summary, colour) {
  const head = ['worker', 'backend', 'registration', 'sections', 'undisturbed', 'yielded', 'raced', 'revoked', 'sections/s'];
  const table = new Table({
    head,
    colAligns: head.map((_, column) => (column < 3 ? 'left' : 'right')),
    style: colour ? {} : { head: [], border: [] },
  });
  /** @param {Stats} stats */
  const outcomes = (stats) => [stats.entered, stats.undisturbed, stats.yielded, stats.raced, stats.revoked].map(count);
  reports.forEach(({ backend, registration, flavour, stats, seconds }, index) => {
    const where = backend === 'linux' ? `${backend} (${flavour})` : backend;
    table.push([String(index + 1), where, registration, ...outcomes(stats), count(stats.entered / seconds)]);
  });
  table.push(['all', '', '', ...outcomes(summary.stats), count(summary.sectionsPerSecond)]);
  return table.toString();
}

/**
 * @param {Summary} summary
 * @param {{ onLinux: boolean, slices: import('../../dist/index.js').Probe['slices'] }} kernel
 * @returns {string} sentences, one a line
 */
export function explain({ stats, transfers, wrong }, { onLinux, slices }) {
  const lines = [];
  const disturbed = stats.yielded + stats.raced + stats.revoked;
  if (onLinux && disturbed > 0) {
    const share = ((100 * stats.yielded) / disturbed).toFixed(1);
    lines.push(
      `The kernel wanted the CPU in ${count(disturbed)} sections. ${count(stats.yielded)} of them (${share} %) finished in an extension first and gave`,
      `the CPU up by themselves; ${count(stats.raced)} were granted one and too late; ${count(stats.revoked)} were scheduled out inside.`,
    );
  } else if (onLinux) {
    lines.push('The kernel wanted the CPU in no section: try more --workers, or a busier machine.');
  } else if (slices.available) {
    lines.push('The simulated kernel was asked for; this host has slices.');
  } else {
    lines.push(
      `No slices on this host, so the simulated kernel served, which grants nothing. ${slices.explanation}`,
      `${slices.remedy} This demonstration there:`,
      '',
      '    npm run vm -- npm start',
      '',
    );
  }
  lines.push(
    wrong.length === 0
      ? `The records are right: ${count(transfers)} transfers in ${ACCOUNTS} accounts, none lost, none torn, the balances add up.`
      : `THE RECORDS ARE WRONG: ${wrong.join('; ')}.`,
  );
  return lines.join('\n');
}
