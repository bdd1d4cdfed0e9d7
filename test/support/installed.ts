// SPDX-License-Identifier: MIT
/**
 * A copy of what is installed from the package, and `rseq-slice build` in it: no packages with
 * headers are in reach, and PATH holds no more than the test says.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PUBLISHED } from '../../scripts/native/target.mjs';
import { findCommand } from '../../packages/vm/lib/guest/packages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface BuildOptions {
  /** Of Node. */
  readonly node?: readonly string[];
  /** Of the command. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export class Installation {
  readonly folder: string = mkdtempSync(join(tmpdir(), "rseq-slice 'build' "));
  /** Where the package is. */
  readonly path: string = join(this.folder, 'node_modules/rseq-slice');

  constructor() {
    for (const name of ['dist', 'package.json', 'native', 'scripts/native']) {
      cpSync(join(root, name), join(this.path, name), { recursive: true });
    }
    cpSync(join(root, 'binding.gyp'), join(this.path, PUBLISHED));
    symlinkSync(join(root, 'node_modules/cac'), join(this.folder, 'node_modules/cac'));
  }

  /** Runs the command with these commands of the host in PATH, and programs for sh. */
  build(
    commands: readonly string[],
    programs: Readonly<Record<string, string>> = {},
    { node = [], args = [], environment = {} }: BuildOptions = {},
  ): Ending {
    const PATH = mkdtempSync(join(this.folder, 'bin-'));
    for (const name of commands) {
      const path = findCommand(name);
      if (path !== null) symlinkSync(path, join(PATH, name));
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(PATH, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const command = [...node, join(this.path, 'dist/cli/main.js'), 'build', ...args];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, command, {
      cwd: this.folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        CC: undefined,
        CXX: undefined,
        NODE_PATH: undefined,
        PATH,
        ...environment,
      },
    });
    return { status, signal, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
