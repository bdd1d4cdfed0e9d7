// SPDX-License-Identifier: MIT
/**
 * What commands write to, as a person meets it: how wide it is, where lines
 * break, and what happens when it cannot be written. A reader that has seen
 * enough ends a command quietly, a full disk does it with a sentence, and files
 * are tried before the work whose result they are to have.
 */
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ExitCode, UsageError } from './command.ts';

/** The part of a stream that this needs; columns are known on terminals only. */
export interface Surface {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Columns of what does not say how wide it is. */
const USUAL_WIDTH = 80;
/** Below this, a table or an indented text is not there any more. */
const LEAST_WIDTH = 40;

/** Columns to write in: those of a terminal; elsewhere COLUMNS of the environment, or 80. */
export function widthOf({ isTTY, columns }: Surface): number {
  const said = isTTY === true ? columns : Number(process.env['COLUMNS']);
  return Math.max(
    LEAST_WIDTH,
    said !== undefined && Number.isInteger(said) && said > 0 ? said : USUAL_WIDTH,
  );
}

/** Colours take no room; all else that is printed is of width one. Source: ECMA-48, SGR. */
export const lengthOf = (text: string): number => text.replace(/\x1b\[[\d;]*m/g, '').length;

/**
 * Breaks lines between words. A word that is longer than a line, as a path may be, stays whole.
 * @param indent spaces before every line but the first of each paragraph, whose own are kept
 */
export function wrap(text: string, width: number, indent = 0): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width, indent))
    .join('\n');
}

/** The same for a list: what is behind a gap of two spaces or more stays below one another. */
export function wrapListed(text: string, width: number): string {
  const hanging = (line: string): number => {
    const [, margin = '', label = ''] = /^( *)(\S.*? {2,})?/.exec(line) ?? [];
    // A label that takes most of the line leaves no room beside it.
    return margin.length + label.length > width / 2 ? 2 : label.length;
  };
  return text
    .split('\n')
    .map((line) => wrap(line.trimEnd(), width, hanging(line.trimEnd())))
    .join('\n');
}

function wrapLine(text: string, width: number, indent: number): string {
  if (lengthOf(text) <= width) return text;
  const lines: string[] = [];
  const [, margin = '', rest = ''] = /^( *)(.*)$/.exec(text) ?? [];
  let line = margin;
  let isEmpty = true;
  // Spaces within a line are kept: they may align something.
  for (const [, gap = '', word = ''] of rest.matchAll(/( *)([^ ]+)/g)) {
    if (!isEmpty && lengthOf(line) + gap.length + lengthOf(word) > width) {
      lines.push(line);
      line = ' '.repeat(margin.length + indent) + word;
    } else line += gap + word;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}

/**
 * Writes a message of a command to stderr: in lines where a person reads them, in one where a
 * program does.
 */
export function complain(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? wrap(text, widthOf(process.stderr)) : text}\n`);
}

/**
 * Options of Node that allow what its permission model forbids. Source: Node's documentation,
 * 'Permission Model'.
 */
const ALLOWING: Readonly<Record<string, string>> = {
  ChildProcess: '--allow-child-process',
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  WorkerThreads: '--allow-worker',
};

/** What is forbidden without them, in words; of files, the path follows. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  ChildProcess: 'starting programs',
  FileSystemRead: 'reading',
  FileSystemWrite: 'writing',
  WorkerThreads: 'starting workers',
};

/**
 * Finds out whether Node's permission model stands in the way, all of it at once.
 * @throws {UsageError}
 */
export function requirePermitted({
  reads,
  writes,
  starts,
}: {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly starts: boolean;
}): void {
  const permission = process.permission as typeof process.permission | undefined;
  if (permission === undefined) return;
  const denied = (what: string, paths: readonly string[]): string[] => [
    ...new Set(
      paths.filter((path) => !permission.has(what, path)).map((path) => join(dirname(path), '*')),
    ),
  ];
  const [unread, unwritten] = [denied('fs.read', reads), denied('fs.write', writes)];
  const isLonely = starts && !permission.has('child');
  const what = [
    ...(isLonely ? ['starting programs'] : []),
    ...(unread.length > 0 ? [`reading ${unread.join(' and ')}`] : []),
    ...(unwritten.length > 0 ? [`writing ${unwritten.join(' and ')}`] : []),
  ];
  if (what.length === 0) return;
  const flags = [
    ...(isLonely ? ['--allow-child-process'] : []),
    ...unread.map((path) => `--allow-fs-read=${path}`),
    ...unwritten.map((path) => `--allow-fs-write=${path}`),
  ];
  throw new UsageError(
    `Node's permission model forbids ${what.join(', ')}: start Node with ${flags.join(' ')} as well.`,
  );
}

/**
 * What Node's permission model refused, with the option that allows it; null: it was something
 * else.
 */
export function describeForbidden(error: unknown): string | null {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED')
    return null;
  const { permission = '', resource = '' } = error as {
    readonly permission?: string;
    readonly resource?: string;
  };
  const option = ALLOWING[permission];
  // A file is written next to its place first, so its folder is what has to be allowed.
  const path =
    permission === 'FileSystemWrite' ? join(dirname(resolve(resource)), '*') : resolve(resource);
  const what = FORBIDDEN[permission] ?? 'it';
  return `Node's permission model forbids ${what}${resource === '' ? '' : ` ${resolve(resource)}`}${option === undefined ? '' : `: start Node with ${option}${resource === '' ? '' : `=${path}`} as well`}`;
}

export const messageOf = (error: unknown): string =>
  describeForbidden(error) ?? (error instanceof Error ? error.message : String(error));

/**
 * Ends the process when stdout or stderr cannot be written: quietly with what
 * the shell says of a closed pipe, and else with a sentence and 1.
 * @param name of the program, for the sentence
 */
export function guardStreams(name: string): void {
  for (const [stream, which] of [
    [process.stdout, 'stdout'],
    [process.stderr, 'stderr'],
  ] as const) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(ExitCode.ClosedPipe);
      if (stream === process.stdout)
        process.stderr.write(`${name}: ${which} cannot be written: ${error.message}.\n`);
      process.exit(ExitCode.Failed);
    });
  }
}

/**
 * Finds out whether a file can be written, and leaves everything as it was.
 * @param option by which it was named
 * @throws {UsageError}
 */
export function requireWritable(option: string, path: string): void {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) {
      // A link may lead to where no file is yet.
      const target =
        lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
          ? resolve(dirname(path), readlinkSync(path))
          : path;
      if (target !== path) {
        requireWritable(option, target);
        return;
      }
      closeSync(openSync(path, 'wx'));
      rmSync(path);
    } else if (found.isFile() || found.isDirectory()) {
      closeSync(openSync(path, 'r+'));
    } else {
      // To open a pipe would wait for its reader, or end it.
      accessSync(path, constants.W_OK);
    }
  } catch (error) {
    throw new UsageError(`${option} cannot write to '${path}': ${messageOf(error)}.`);
  }
}
