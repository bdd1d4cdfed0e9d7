/**
 * Runs a program that prints one line of JSON, with a deadline: a lock that loses a
 * wake-up hangs for ever, and must not take the rest of a run with it.
 */
import { spawn } from 'node:child_process';

/**
 * @param deadline seconds
 * @returns what it printed; rejects when it failed or was not done in time
 */
export function runProgram(program: string, args: readonly string[], deadline: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, deadline * 1000);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
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
      if (late) reject(new Error(`it was not done after ${deadline} s and was killed: a waiter was not woken, or what was guarded is so damaged that it has no end`));
      else if (code !== 0) reject(new Error(`it ended with ${signal ?? `exit code ${String(code)}`}: ${stderr.trim()}`));
      else resolve(JSON.parse(stdout));
    });
  });
}
