// SPDX-License-Identifier: MIT
// The command `rseq-slice-vm -- COMMAND`: a thin layer over runInGuest that streams output and
// turns every kind of ending into an exit code. Options and help are in options.mjs.

import { constants } from 'node:os';
import { ExitCode, HarnessError } from './errors.mjs';
import { HELP, readOptions, UsageError } from './options.mjs';
import { startRemarks } from './remarks.mjs';
import { runInGuest } from './run-in-guest.mjs';
import { openTerminal } from './terminal.mjs';
import { refuseUsage } from '../refuse-usage.mjs';

/**
 * @param {readonly string[]} argv
 * @returns {Promise<number>} the exit code
 */
export async function run(argv) {
  try {
    return await runCommand(argv);
  } catch (error) {
    if (error instanceof UsageError) {
      refuseUsage('vm', error);
      return ExitCode.usage;
    }
    process.stderr.write(`vm: ${error instanceof Error ? error.stack : error}\n`);
    return ExitCode.harness;
  }
}

/** @param {readonly string[]} argv @returns {Promise<number>} */
async function runCommand(argv) {
  const stop = new AbortController();
  // A reader that went away (`| head`) is a reason to stop, not to crash.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort());
  const options = readOptions(argv);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  let interruptedBy = 0;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      interruptedBy = constants.signals[signal];
      stop.abort();
    });
  }
  const { quiet, shell, ...machine } = options;
  if (shell && !(process.stdin.isTTY && process.stdout.isTTY))
    throw new UsageError('--shell wants a terminal, and standard input or output is none.');
  const remarks = quiet ? null : startRemarks();
  const terminal = shell ? openTerminal(() => stop.abort()) : null;
  try {
    const result = await runInGuest({
      ...machine,
      ...(remarks ?? { say: () => undefined }),
      ...(terminal === null ? {} : { terminal: terminal.terminal }),
      onPhase(phase) {
        remarks?.onPhase(phase);
        if (phase !== 'running the command' || terminal === null) return;
        remarks?.stop();
        terminal.begin();
      },
      capture: false,
      signal: stop.signal,
      onStdout(chunk) {
        remarks?.stop();
        process.stdout.write(chunk);
      },
      onStderr(chunk) {
        remarks?.stop();
        process.stderr.write(chunk);
      },
    });
    remarks?.stop();
    if (result.signal !== null) {
      const name = Object.entries(constants.signals).find(
        ([, number]) => number === result.signal,
      )?.[0];
      process.stderr.write(
        `vm: the command was killed by signal ${result.signal}${name === undefined ? '' : ` (${name})`}\n`,
      );
    }
    return result.exitCode;
  } catch (error) {
    remarks?.stop();
    if (!(error instanceof HarnessError)) throw error;
    if (error.kind === 'interrupted') {
      process.stderr.write('vm: interrupted\n');
      return interruptedBy === 0 ? ExitCode.interrupted : 128 + interruptedBy;
    }
    process.stderr.write(`vm: ${error.message}\n`);
    return error.exitCode;
  } finally {
    terminal?.end();
  }
}
