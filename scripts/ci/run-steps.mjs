// SPDX-License-Identifier: MIT
// Runs steps one after the other and adds up what they report. A step that fails must not end as
// one that passed, whatever its report says: it counts as a failure at least.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @typedef {import('./reports.mjs').Counted} Counted */

/**
 * @typedef {object} Step
 * @property {string} command words with spaces in between
 * @property {import('./reports.mjs').Kind} [report] without one it passes or fails, and counts
 * nothing else
 * @property {boolean} [isDecisive] whether nothing comes after it when it fails
 */

/**
 * @param {Step} step
 * @param {readonly string[]} args
 * @param {string | null} output the file that gets what it prints; null: that is shown as it comes
 * @returns {string | null} how it failed
 */
function start({ command }, args, output) {
  const [program = '', ...words] = command.split(' ');
  const file = output === null ? null : openSync(output, 'w');
  const { status, signal, error } = spawnSync(program, [...words, ...args], {
    stdio: ['inherit', file ?? 'inherit', file ?? 'inherit'],
  });
  if (file !== null) closeSync(file);
  if (status === 0) return null;
  return error?.message ?? (signal === null ? `exit code ${status}` : `killed by ${signal}`);
}

/** @param {string} why @returns {Counted} */
const failed = (why) => ({ passed: 0, failed: 1, skipped: 0, remarks: [`failed: ${why}`] });

/**
 * @param {Step} step
 * @param {string} file for its report
 * @returns {Counted}
 */
function runStep(step, file) {
  const { report } = step;
  if (report === undefined) {
    const failure = start(step, [], null);
    return failure === null ? { passed: 0, failed: 0, skipped: 0, remarks: [] } : failed(failure);
  }
  const failure = start(step, report.args?.(file) ?? [], report.args === null ? file : null);
  try {
    const text = readFileSync(file, 'utf8');
    if (report.args === null) process.stdout.write(text);
    const found = report.read(text);
    if (failure === null || found.failed > 0) return found;
    return { ...found, failed: 1, remarks: [...found.remarks, `failed: ${failure}`] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed(`${failure ?? 'exit code 0'}, and its report cannot be read: ${why}`);
  }
}

/**
 * Runs them all, and tells of failures and times when they are done. The last line that it prints
 * is `N passed, N failed, N skipped`.
 * @param {readonly Step[]} steps
 * @returns {boolean} whether nothing failed
 */
export function runSteps(steps) {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-ci-'));
  const sum = { passed: 0, failed: 0, skipped: 0 };
  /** @type {string[]} */
  const remarks = [];
  /** @type {string[]} */
  const times = [];
  try {
    for (const [index, step] of steps.entries()) {
      const began = performance.now();
      const found = runStep(step, join(folder, String(index)));
      const name = step.command.split(' ').slice(0, 3).join(' ');
      times.push(`${name} ${((performance.now() - began) / 1000).toFixed(0)} s`);
      remarks.push(...found.remarks.map((remark) => `${name}: ${remark}`));
      sum.passed += found.passed;
      sum.failed += found.failed;
      sum.skipped += found.skipped;
      if (found.failed > 0 && step.isDecisive === true) break;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(
    [
      `the steps took: ${times.join(', ')}`,
      ...remarks,
      `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
    ]
      .map((line) => `${line}\n`)
      .join(''),
  );
  return sum.failed === 0;
}
