/**
 * A loop that runs in a program of its own and is asked for one measurement at a
 * time, so that it takes turns with the others: the program writes one line about
 * itself, then for each line with a count one with the nanoseconds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ChildLoop {
  /** The program's first line. */
  readonly about: string;
  /** Runs so many operations; resolves to nanoseconds. */
  readonly run: (count: number) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** @param name for messages */
export async function startChildLoop(name: string, program: string, args: readonly string[] = []): Promise<ChildLoop> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  // A child that died is reported by the line that never comes; without this the write to it would be the louder error.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true) throw new Error(`${name} ended: exit code ${String(child.exitCode)}, signal ${String(child.signalCode)}.`);
    return next.value;
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
