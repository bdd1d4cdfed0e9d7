// SPDX-License-Identifier: MIT
/**
 * Runs a program that answers with one line of JSON, with a deadline: a lock that loses a
 * wake-up hangs for ever, and must not take the rest of a run with it.
 */
import type { Readable } from 'node:stream';
import { channelOf, spawnChild } from '../child.ts';

function settleAnswer(
  answer: string,
  resolve: (value: unknown) => void,
  reject: (error: Error) => void,
): void {
  try {
    resolve(JSON.parse(answer));
  } catch {
    reject(new Error(`its answer is not JSON: '${answer.slice(0, 100)}'`));
  }
}

/**
 * @param deadline seconds
 * @returns what it answered; rejects when it failed or was not done in time
 */
export function runProgram(
  program: string,
  args: readonly string[],
  deadline: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawnChild(program, args, 'ignore', 'pipe');
    const [channel, errors] = [child.stdio[channelOf(program)], child.stderr] as [
      Readable,
      Readable,
    ];
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, deadline * 1000);
    let answer = '';
    let stderr = '';
    channel.setEncoding('utf8').on('data', (text: string) => (answer += text));
    errors.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const settle = (): void => {
      clearTimeout(timer);
      process.removeListener('exit', end);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code, signal) => {
      settle();
      if (late)
        reject(
          new Error(
            `it was not done after ${deadline} s and was killed: a waiter was not woken, or the guarded data is so damaged that the work never ends`,
          ),
        );
      else if (code !== 0)
        reject(
          new Error(`it ended with ${signal ?? `exit code ${String(code)}`}: ${stderr.trim()}`),
        );
      else settleAnswer(answer, resolve, reject);
    });
  });
}
