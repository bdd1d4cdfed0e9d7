// SPDX-License-Identifier: MIT
// An empty project outside of the checkout, in which the package is installed and used: its folder,
// and commands in it with no more in PATH than is said. Nothing of the checkout can be found from
// there.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { findCommand } from '../../packages/vm/lib/guest/packages.mjs';
import { FILES } from './consumer.mjs';

/**
 * @typedef {object} Run
 * @property {number | null} status
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @typedef {object} RunOptions
 * @property {boolean} [withCompilers] whatever is in PATH can be called
 * @property {Readonly<Record<string, string>>} [environment] variables
 * @property {string} [cwd] default: the project
 */

export class Project {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-package-'));
  /** Beside the project, with links to the programs it may call. */
  #programs = join(this.folder, 'programs');
  consumer = join(this.folder, 'consumer');

  constructor() {
    mkdirSync(this.consumer);
    mkdirSync(this.#programs);
    this.write(this.consumer);
    symlinkSync(process.execPath, join(this.#programs, 'node'));
    for (const name of ['npm', 'npx', 'sh']) {
      const path = findCommand(name);
      if (path === null) throw new Error(`There is no ${name} in PATH.`);
      symlinkSync(realpathSync(path), join(this.#programs, name));
    }
  }

  /** The project's files. @param {string} folder */
  write(folder) {
    for (const [name, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  }

  /**
   * Does something while the project's packages are not there, as on a machine that has only got a
   * bundle.
   * @template T
   * @param {() => T} action
   * @returns {T}
   */
  withoutPackages(action) {
    const [packages, hidden] = ['node_modules', 'hidden'].map((name) => join(this.consumer, name));
    if (packages === undefined || hidden === undefined || !existsSync(packages)) return action();
    renameSync(packages, hidden);
    try {
      return action();
    } finally {
      renameSync(hidden, packages);
    }
  }

  /**
   * Runs a command in the project, without compilers in PATH.
   * @param {readonly string[]} command
   * @param {RunOptions} [options]
   * @returns {Run}
   */
  run(
    [program = '', ...args],
    { withCompilers = false, environment = {}, cwd = this.consumer } = {},
  ) {
    // What npm tells the script it runs is of the checkout.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|NODE_PATH$|NODE_OPTIONS$|RSEQ_SLICE|CC$|CXX$)/.test(name),
    );
    const PATH = withCompilers
      ? [this.#programs, process.env['PATH']].join(delimiter)
      : this.#programs;
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      env: { ...Object.fromEntries(inherited), PATH, ...environment },
    });
    return { status, stdout, stderr: error === undefined ? stderr : `${error.message}\n${stderr}` };
  }

  /**
   * Runs a command that is to succeed.
   * @param {readonly string[]} command
   * @param {RunOptions} [options]
   * @returns {string} stdout
   */
  succeed(command, options) {
    const { status, stdout, stderr } = this.run(command, options);
    if (status !== 0)
      throw new Error(`${command.join(' ')} ended with ${status}: ${stdout}${stderr}`.trim());
    return stdout;
  }

  /**
   * Runs a command that is to succeed and print JSON, and nothing on stderr.
   * @param {readonly string[]} command
   * @param {RunOptions} [options]
   * @returns {any}
   */
  read(command, options) {
    const { status, stdout, stderr } = this.run(command, options);
    if (status !== 0 || stderr !== '')
      throw new Error(`${command.join(' ')} ended with ${status}: ${stdout}${stderr}`.trim());
    return JSON.parse(stdout);
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
