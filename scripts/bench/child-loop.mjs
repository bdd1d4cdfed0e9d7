// A loop that runs in a program of its own and is asked for one measurement at a time, so that it takes turns with the
// others: the program writes one line about itself, then for each line with a count one with the nanoseconds.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * @typedef {object} ChildLoop
 * @property {string} about the program's first line
 * @property {(count: number) => Promise<number>} run so many operations; resolves to nanoseconds
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} name for messages
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<ChildLoop>}
 */
export async function startChildLoop(name, program, args = []) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  // A child that died is reported by the line that never comes; without this the write to it would be the louder error.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`${name} ended: exit code ${child.exitCode}, signal ${child.signalCode}.`);
    return value;
  };
  return {
    about: await read(),
    run: async (count) => {
      child.stdin.write(`${count}\n`);
      return Number(await read());
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
