/**
 * Programs of Node's that measure for another one, and how they answer: over a
 * descriptor of their own, and without the user's NODE_OPTIONS. A module that
 * these load may print, and what was measured would no longer be what was read.
 */
import { writeSync } from 'node:fs';

const STDOUT = 1;
const CHANNEL = 3;

/** By which descriptor a program answers: those that are none of Node's know stdout only. */
export const channelOf = (program: string): number => (program === process.execPath ? CHANNEL : STDOUT);

/** What is piped of a child: its channel, and what else is wanted. */
export function stdioOf(program: string, stdin: 'pipe' | 'ignore', stderr: 'pipe' | 'inherit'): ('pipe' | 'ignore' | 'inherit')[] {
  return channelOf(program) === STDOUT ? [stdin, 'pipe', stderr] : [stdin, 'ignore', stderr, 'pipe'];
}

export function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  delete environment['NODE_OPTIONS'];
  return environment;
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
