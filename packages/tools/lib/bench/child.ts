// SPDX-License-Identifier: MIT
/**
 * Programs of Node's that measure for another one, and how they answer: over a
 * descriptor of their own, and without the user's NODE_OPTIONS. A module that
 * these load may print, and what was measured would no longer be what was read.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';

const STDOUT = 1;
const CHANNEL = 3;

/** By which descriptor a program answers: those that are none of Node's know stdout only. */
export const channelOf = (program: string): number =>
  program === process.execPath ? CHANNEL : STDOUT;

/**
 * Starts one. Its channel is piped, and what else is wanted. It is in a group of its own: a
 * terminal's Ctrl-C is for who asked, to whom a child that it ended would look like one that
 * failed.
 */
export function spawnChild(
  program: string,
  args: readonly string[],
  stdin: 'pipe' | 'ignore',
  stderr: 'pipe' | 'inherit',
): ChildProcess {
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  const stdio =
    channelOf(program) === STDOUT
      ? [stdin, 'pipe' as const, stderr]
      : [stdin, 'ignore' as const, stderr, 'pipe' as const];
  // On Windows that would open a window.
  return spawn(program, args, { stdio, env, detached: process.platform !== 'win32' });
}

/** In the child: one line. */
export function answer(line: string): void {
  let rest = Buffer.from(`${line}\n`);
  try {
    // A pipe takes what fits.
    while (rest.length > 0) rest = rest.subarray(writeSync(CHANNEL, rest));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    // Who asked is gone.
    process.exit();
  }
}
