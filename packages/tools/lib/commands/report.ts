// SPDX-License-Identifier: MIT
/**
 * `rseq-slice report`: a page of what records of the benchmarks say. Nothing is
 * written unless all of them can be read. What is in the page is left to
 * `packages/tools/lib/report/`.
 */
import {
  existsSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, resolve } from 'node:path';
import { readAssets } from '../report/assets.ts';
import { RecordError } from '../report/field.ts';
import { figuresOf } from '../report/figures.ts';
import type { RecordFigures } from '../report/figures.ts';
import { headlineOf } from '../report/headline.ts';
import { pageOf } from '../report/page.ts';
import { readingOf } from '../report/reading.ts';
import { readRecords } from '../report/records.ts';
import { ExitCode, UsageError, readFlag } from 'rseq-slice/internal';
import type { AddCommand } from 'rseq-slice/internal';

const STDOUT = '-';
const DEFAULT_OUT = 'rseq-slice-report.html';

const DESCRIPTION =
  'Make one HTML page of the records that benchmarks wrote with --json: what slices changed, in words, charts and tables';
const EXIT_CODES =
  'Exit codes: 0 done; 1 a file cannot be read or is not such a record, or the page cannot be written: nothing is changed; 2 usage error.';

export const addReport: AddCommand = (cli) => {
  cli
    .command('report [...files]', `${DESCRIPTION}. ${EXIT_CODES}`)
    .usage('report FILE... [options]')
    .option('--out <file>', `Where the page goes, - for stdout (default: ${DEFAULT_OUT})`)
    .option('--json', 'The figures as JSON to stdout; a page only with --out')
    .example('  rseq-slice report locks.json')
    .example('  rseq-slice report host.json guest.json --out slices.html')
    .example('  rseq-slice report locks.json --json')
    .action((files: readonly string[], options: Readonly<Record<string, unknown>>) =>
      report(files, options),
    );
};

function report(files: readonly string[], options: Readonly<Record<string, unknown>>): ExitCode {
  if (files.length === 0) throw new UsageError('Say which files: rseq-slice report all.json.');
  const json = readFlag('json', options['json']);
  const out = readOut(options['out'], files, json);
  try {
    const records = files.flatMap(readFigures);
    if (out !== null) {
      const page = pageOf(records, readAssets());
      if (out === STDOUT) process.stdout.write(page);
      else writeWhole(out, page);
    }
    if (json)
      process.stdout.write(
        `${JSON.stringify({ records: records.map((figures) => ({ headline: headlineOf(figures), reading: readingOf(figures), figures })) }, null, 2)}\n`,
      );
    else if (out !== null && out !== STDOUT) process.stdout.write(`The report is in ${out}.\n`);
    return ExitCode.Done;
  } catch (error) {
    if (!(error instanceof RecordError) && !isSystemError(error)) throw error;
    process.stderr.write(`rseq-slice report: ${error.message}\n`);
    return ExitCode.Failed;
  }
}

/**
 * @returns null: there is to be no page
 * @throws {UsageError}
 */
function readOut(out: unknown, files: readonly string[], json: boolean): string | null {
  if (out === undefined) return json ? null : DEFAULT_OUT;
  const name = typeof out === 'number' ? String(out) : out;
  if (typeof name !== 'string' || name === '')
    throw new UsageError(
      `--out wants one file, ${Array.isArray(out) ? 'not several' : 'by its name'}.`,
    );
  if (name === STDOUT && json) throw new UsageError('--json and --out - both want stdout.');
  if (files.some((file) => resolve(file) === resolve(name)))
    throw new UsageError(`--out ${name} would replace a record.`);
  return name;
}

/** Folders are of one machine, so the page names the file only. */
function readFigures(path: string): RecordFigures[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw isSystemError(error)
      ? new RecordError(`${path} cannot be read: ${error.message}.`)
      : error;
  }
  return readRecords(text, basename(path)).map(figuresOf);
}

/**
 * At once, so that an earlier page stays until there is a new one. What is no file, as /dev/null,
 * is written to, and a link stays one.
 */
function writeWhole(path: string, text: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && existsSync(path)) {
    writeWhole(realpathSync(path), text);
    return;
  }
  const part = `${path}.${process.pid}.part`;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      writeFileSync(path, text);
      return;
    }
    writeFileSync(part, text);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw isSystemError(error)
      ? new RecordError(`${path} cannot be written: ${error.message}.`)
      : error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
