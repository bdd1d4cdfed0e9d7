// SPDX-License-Identifier: MIT
// What can go wrong with a guest other than the command itself, and the exit codes that say so. The
// command's own exit code passes through; these are chosen from where programs and shells seldom
// put theirs.

/** Exit codes of `npm run vm` that are not the command's. */
export const ExitCode = /** @type {const} */ ({
  /** The guest did not boot, died, gave no exit code, or its kernel complained. */
  harness: 120,
  /** The deadline of --timeout passed. */
  timeout: 124,
  /** The command line of the runner is wrong. */
  usage: 125,
  /** Ctrl-C. */
  interrupted: 130,
});

/**
 * @typedef {'setup' | 'boot' | 'init' | 'died' | 'splat' | 'timeout' | 'interrupted'} FailureKind
 */

/**
 * The harness failed, whatever the command would have done. `console` is the guest's whole console.
 */
export class HarnessError extends Error {
  /**
   * @param {FailureKind} kind
   * @param {string} message
   * @param {{ console?: string, cause?: unknown }} [details]
   */
  constructor(kind, message, { console = '', cause } = {}) {
    const tail = console.trimEnd().split('\n').slice(-40).join('\n');
    super(
      tail === '' ? message : `${message}\nThe guest's console ended with:\n${tail}`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'HarnessError';
    /** @type {FailureKind} */
    this.kind = kind;
    /** The message without the console's tail. @type {string} */
    this.summary = message;
    /** @type {string} */
    this.console = console;
  }

  /** @returns {number} what a process should end with because of this */
  get exitCode() {
    if (this.kind === 'timeout') return ExitCode.timeout;
    if (this.kind === 'interrupted') return ExitCode.interrupted;
    return ExitCode.harness;
  }
}
