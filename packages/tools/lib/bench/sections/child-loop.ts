// SPDX-License-Identifier: MIT
/**
 * A loop that runs in a program of its own and is asked for one measurement at a
 * time, so that it takes turns with the others: the program answers with one line
 * about itself, then for each line with a count with one with the nanoseconds.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { answer, channelOf, spawnChild } from '../child.ts';

export interface ChildLoop {
  /** The program's first line. */
  readonly about: string;
  /** Runs so many operations; resolves to nanoseconds. */
  readonly run: (count: number) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** @param name for messages */
export async function startChildLoop(
  name: string,
  program: string,
  args: readonly string[] = [],
): Promise<ChildLoop> {
  const child = spawnChild(program, args, 'pipe', 'inherit');
  const [counts, times] = [child.stdin, child.stdio[channelOf(program)]] as [Writable, Readable];
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  // A child that died is reported by the line that never comes; without this the write to it would
  // be the louder error.
  counts.on('error', () => undefined);
  const lines = createInterface({ input: times })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true)
      throw new Error(
        `${name} ended: exit code ${String(child.exitCode)}, signal ${String(child.signalCode)}.`,
      );
    return next.value;
  };
  return {
    about: await read(),
    run: async (count) => {
      counts.write(`${count}\n`);
      return Number(await read());
    },
    stop: async () => {
      counts.end();
      await ended;
    },
  };
}

/** In a program of Node's: says what it is, and runs what it is asked for. */
export async function serveLoop(
  about: string,
  run: (count: number) => number | Promise<number>,
): Promise<void> {
  answer(about);
  for await (const line of createInterface({ input: process.stdin }))
    answer(String(await run(Number(line))));
}
