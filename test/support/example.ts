// SPDX-License-Identifier: MIT
/**
 * The addon of `examples/`, installed as another team would have it: in a folder of
 * its own, with this package in `node_modules`, compiled there.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { compileAddon } from '../../scripts/native/compile.mjs';
import { findCompilers, isThere } from '../../scripts/native/compilers.mjs';
import { readTarget } from '../../scripts/native/target.mjs';
import { pack, PACKAGES } from '../../scripts/package/pack.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtureOf = (name: string): string => join(root, 'examples', name);

/** Why node-gyp cannot be used here; undefined when it can. */
export function whyNoNodeGyp(): string | undefined {
  const missing = ['make', 'python3'].filter((command) => !isThere([command]));
  return missing.length === 0 ? undefined : `node-gyp needs ${missing.join(' and ')}`;
}

/**
 * Puts the example into a folder that is not there yet.
 * @param rseqSlice the package: this checkout, or an unpacked one
 * @param name of the example
 */
export function installExample(
  folder: string,
  rseqSlice: string = root,
  name: string = 'addon',
): void {
  cpSync(fixtureOf(name), folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(rseqSlice, join(folder, 'node_modules/rseq-slice'));
}

/**
 * The same with the tarball that is published, unpacked, and what it depends on: nothing of the
 * checkout is used.
 */
export function installPacked(folder: string): void {
  cpSync(fixtureOf('addon'), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'rseq-slice'), { recursive: true });
  const [library] = pack(modules, { packages: PACKAGES.slice(0, 1) });
  if (library === undefined) throw new Error('unreachable');
  const { path } = library;
  const { status, stderr } = spawnSync(
    'tar',
    ['-xzf', path, '-C', join(modules, 'rseq-slice'), '--strip-components=1'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`The package does not unpack: ${stderr}`);
  rmSync(path);
  const { dependencies } = JSON.parse(
    readFileSync(join(modules, 'rseq-slice/package.json'), 'utf8'),
  ) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies))
    cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });
}

/** As its `npm install` does. @throws with what node-gyp said */
export function buildWithNodeGyp(folder: string): void {
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Headers that are beside the running Node need no download.
  const prefix = dirname(dirname(process.execPath));
  const local = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const args = [nodeGyp, 'rebuild', '--loglevel=warn', ...local];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The example addon does not build:\n${stdout}${stderr}`);
}

/** With the compiler alone, from the same binding.gyp. */
export function buildDirectly(folder: string): void {
  const target = readTarget(folder);
  const output = join(folder, 'build/Release');
  mkdirSync(output, { recursive: true });
  const sources = target.sources.map((source) => join(folder, source));
  compileAddon({ ...target, sources }, findCompilers(), output);
}

/** Installed and compiled, one way or the other. @param install how the package gets there */
export function createExample(
  folder: string,
  install: (folder: string) => void = installExample,
): void {
  install(folder);
  if (whyNoNodeGyp() === undefined) buildWithNodeGyp(folder);
  else buildDirectly(folder);
}

/** How the sections of one kind of thread ended, as the addon tells. */
export interface Tally {
  readonly errno: number;
  readonly step: number;
  /** The reason of `explain()`; null when it attached. */
  readonly why: string | null;
  readonly booked: number;
  readonly undisturbed: number;
  readonly yielded: number;
  readonly raced: number;
  readonly preempted: number;
  readonly nested: number;
}

/** What `main.mjs` prints. */
export interface ExampleReport {
  readonly available: boolean;
  readonly here: Tally;
  readonly pool: Tally;
  readonly thread: Tally;
  readonly nested: {
    readonly errno: number;
    /** By outcome. */
    readonly inner: readonly [number, number, number, number, number];
    readonly outer: Readonly<
      Record<'entered' | 'undisturbed' | 'yielded' | 'raced' | 'preempted' | 'nested', number>
    >;
  };
  readonly before: { readonly debit: number; readonly credit: number };
  readonly after: { readonly debit: number; readonly credit: number };
}

/** Every booking that was made is in the ledger, in debit and in credit: its locks were locks. */
export function missedBookings({
  before,
  after,
  here,
  pool,
  thread,
  nested,
}: ExampleReport): readonly number[] {
  const inner = nested.inner.reduce((sum, count) => sum + count);
  const booked = here.booked + pool.booked + thread.booked + inner;
  return [after.debit - before.debit - booked, after.credit - before.credit - booked];
}

/** Runs a module of the example's folder in a process of its own, which must end well. */
export function run(cwd: string, args: readonly string[]): unknown {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, RSEQ_SLICE: '' },
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

/** The kinds of thread that it books from. */
export const KINDS = ['here', 'pool', 'thread'] as const;

/** All that holds on any host. */
export function expectWorkDone(report: ExampleReport): void {
  expect(missedBookings(report)).toEqual([0, 0]);
  for (const kind of KINDS) expect(report[kind].booked, kind).toBeGreaterThan(0);
  const { inner, outer } = report.nested;
  expect(inner.reduce((sum, count) => sum + count)).toBe(outer.entered);
  if (report.available) return;
  expect(inner.slice(0, 4)).toEqual([0, 0, 0, 0]);
  for (const kind of KINDS) {
    expect(report[kind], kind).toMatchObject({
      undisturbed: 0,
      yielded: 0,
      raced: 0,
      preempted: 0,
    });
    expect(report[kind].nested).toBeGreaterThan(0);
  }
}
