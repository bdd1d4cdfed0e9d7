// SPDX-License-Identifier: MIT
/**
 * Runs one of several commands as the command line asks, and tells how it ended. What a command
 * does is its own; which there are is up to the program.
 */
import { cac } from 'cac';
import { version } from '../version.ts';
import { ExitCode, UsageError } from './command.ts';
import type { AddCommand } from './command.ts';
import { complain, describeForbidden, widthOf, wrapListed } from './output.ts';

interface Section {
  title?: string;
  body: string;
}

/**
 * @param program its name, for help and messages
 * @param argv the words behind the program's name
 */
export async function runCommands(
  program: string,
  commands: readonly AddCommand[],
  argv: readonly string[],
): Promise<ExitCode> {
  const cli = cac(program);
  cli.usage('COMMAND [options]');
  for (const add of commands) add(cli);
  cli.help((sections) =>
    describe(sections, cli.matchedCommand?.description, widthOf(process.stdout)),
  );
  cli.version(version);
  const named = (): string =>
    cli.matchedCommandName === undefined ? program : `${program} ${cli.matchedCommandName}`;
  try {
    const { args, options } = cli.parse(['node', program, ...joinDashes(argv)], { run: false });
    if (options['help'] === true || options['version'] === true) return ExitCode.Done;
    if (cli.matchedCommand !== undefined)
      return await (cli.runMatchedCommand() as Promise<ExitCode> | ExitCode);
    const known = cli.commands.map(({ name }) => name).join(', ');
    throw new UsageError(
      args[0] === undefined
        ? `Name a command: ${known}.`
        : `Unknown command '${args[0]}'. Commands: ${known}.`,
    );
  } catch (error) {
    const forbidden = describeForbidden(error);
    if (forbidden !== null) {
      complain(`${named()}: ${forbidden}.`);
      return ExitCode.Failed;
    }
    if (!isUsage(error)) throw error;
    complain(`${named()}: ${error.message.replace(/\.?$/, '.')} See ${named()} --help.`);
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

/**
 * By name: the argument library does not export its class, and the tools may have a copy of this
 * package of their own.
 */
function isUsage(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'UsageError' || error.name === 'CACError');
}
