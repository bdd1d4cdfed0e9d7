// SPDX-License-Identifier: MIT
/**
 * Checkouts in which the addon is built with the commands that a test allows: each in a temporary
 * folder, with a PATH that holds no more than those.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { findCommand } from '../../packages/vm/lib/guest/packages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program that builds, and what it makes. */
export const BUILD = 'scripts/build-native.mjs';
export const ADDON = 'build/Release/rseq_slice.node';

/** What a compiler calls by name. */
export const TOOLS: readonly string[] = ['as', 'ld'];

/** How a program ends that has nothing to say. */
export const QUIET = { signal: null, status: 0, stderr: '' } as const;

/** Why nothing can be compiled here; undefined when it can. */
export function whyNoCompiler(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux compiles';
  return isThere(['cc']) && isThere(['c++']) ? undefined : 'no cc and c++ here';
}

export class BuildFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'rseq-slice-build-'));

  /** A checkout with no more than the build needs; `files` stand in the place of its own. */
  checkout(files: Readonly<Record<string, string>> = {}): string {
    const path = join(this.path, 'checkout');
    const usage = 'packages/vm/lib/refuse-usage.mjs';
    for (const each of ['binding.gyp', 'native', 'package.json', 'scripts', usage]) {
      cpSync(join(root, each), join(path, each), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
    return path;
  }

  /** A PATH with these commands of the host and nothing else; `programs` are scripts for sh. */
  pathWith(
    names: readonly string[],
    programs: Readonly<Record<string, string>> = {},
  ): { PATH: string } {
    const path = join(this.path, 'bin');
    mkdirSync(path);
    for (const name of ['sh', ...names]) {
      const command = findCommand(name);
      if (command !== null) symlinkSync(command, join(path, name));
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    return { PATH: path };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs Node in the checkout. What this process was told about compilers and guests is not passed
 * on.
 */
export function node(
  cwd: string,
  environment: Readonly<Record<string, string>>,
  ...args: string[]
): Ending {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: {
      ...process.env,
      CC: undefined,
      CXX: undefined,
      RSEQ_SLICE_GUEST: undefined,
      ...environment,
    },
  });
  return { status, signal, stdout, stderr };
}

/** What an addon exports, told by a child process that loads it. */
export function load(path: string, expression: string): unknown {
  const child = node(
    path,
    {},
    '-p',
    `const addon = require('./${ADDON}'); JSON.stringify(${expression})`,
  );
  expect(child).toMatchObject(QUIET);
  return JSON.parse(child.stdout);
}
