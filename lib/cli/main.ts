#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * The command `rseq-slice`: finds the command that was asked for and ends with
 * its exit code. What a command does is its own.
 */
import { cac } from 'cac';
import { version } from '../version.ts';
import { addBench } from './bench.ts';
import { addBuild } from './build.ts';
import { ExitCode, UsageError } from './command.ts';
import type { AddCommand } from './command.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { complain, describeForbidden, guardStreams, widthOf, wrapListed } from './output.ts';
import { addReport } from './report.ts';
import { addTrace } from './trace.ts';

interface Section {
  title?: string;
  body: string;
}

const COMMANDS: readonly AddCommand[] = [
  addDoctor,
  addDemo,
  addBench,
  addReport,
  addTrace,
  addBuild,
];

/** @param argv the words behind the program's name */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const cli = cac('rseq-slice');
  cli.usage('COMMAND [options]');
  for (const add of COMMANDS) add(cli);
  cli.help((sections) =>
    describe(sections, cli.matchedCommand?.description, widthOf(process.stdout)),
  );
  cli.version(version);
  try {
    const { args, options } = cli.parse(['node', 'rseq-slice', ...joinDashes(argv)], {
      run: false,
    });
    if (options['help'] === true || options['version'] === true) return ExitCode.Done;
    if (cli.matchedCommand !== undefined)
      return await (cli.runMatchedCommand() as Promise<ExitCode> | ExitCode);
    const known = cli.commands.map(({ name }) => name).join(', ');
    throw new UsageError(
      args[0] === undefined
        ? `Say which command: ${known}.`
        : `Unknown command '${args[0]}'. Commands: ${known}.`,
    );
  } catch (error) {
    const command = cli.matchedCommandName;
    const forbidden = describeForbidden(error);
    if (forbidden !== null) {
      complain(`rseq-slice${command === undefined ? '' : ` ${command}`}: ${forbidden}.`);
      return ExitCode.Failed;
    }
    if (!isUsage(error)) throw error;
    complain(
      `rseq-slice${command === undefined ? '' : ` ${command}`}: ${error.message.replace(/\.?$/, '.')} See rseq-slice ${command === undefined ? '' : `${command} `}--help.`,
    );
    return ExitCode.Usage;
  }
}

/** In the list of commands each has one sentence; the rest, and how it ends, is in its own help. */
function describe(sections: Section[], command: string | undefined, width: number): Section[] {
  const all =
    command !== undefined
      ? [...sections.slice(0, 1), { body: command }, ...sections.slice(1)]
      : sections.map((section) =>
          section.title === 'Commands'
            ? {
                ...section,
                body: section.body.replaceAll(/^( +\S.*? {2,}.*?)(\. .*|\.)?$/gm, '$1.'),
              }
            : section,
        );
  // What the argument library says of an option such as --no-kernel: the default of the option
  // without the no.
  const plain = (body: string): string =>
    body.replaceAll(/^( +--no-.*) \(default: true\)$/gm, '$1');
  return all.map((section) => ({ ...section, body: wrapListed(plain(section.body), width) }));
}

/**
 * The argument library takes a lone dash, as in `--out -`, for another option. What is behind `--`
 * is another program's.
 */
function joinDashes(argv: readonly string[]): string[] {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const isDash = (at: number): boolean =>
    at < end && argv[at] === '-' && /^--[^=]+$/.test(argv[at - 1] ?? '');
  return argv.flatMap((word, at) => (isDash(at) ? [] : isDash(at + 1) ? [`${word}=-`] : [word]));
}

/** The argument library refuses wrong usage with a class of its own, which it does not export. */
function isUsage(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'CACError');
}

guardStreams('rseq-slice');
process.exitCode = await main(process.argv.slice(2));
