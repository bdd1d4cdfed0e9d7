// SPDX-License-Identifier: MIT
/**
 * One boot of a guest in which several programs run one after the other. The
 * kernel's own selftest is the first: a guest in which that fails proves nothing
 * about us.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { ensureKernel } from '../../packages/vm/lib/kernel/ensure-kernel.mjs';
import { runInGuest } from '../../packages/vm/lib/guest/run-in-guest.mjs';
import type { RunOptions } from '../../packages/vm/lib/guest/run-in-guest.mjs';
import { compileObserver } from '../support/observer.mjs';
import { compileShim, shim, suite } from '../support/shim.ts';

/** ns; the longest the kernel accepts, so that emulation's slowness matters least. */
export const EXTENSION = 50_000;

/** How many CPUs a guest has where the lane does not say: RSEQ_SLICE_GUEST_CPUS. */
export const CPUS = Number(process.env['RSEQ_SLICE_GUEST_CPUS'] ?? 2);
if (!(Number.isInteger(CPUS) && CPUS >= 2 && CPUS <= 64))
  throw new Error(
    `RSEQ_SLICE_GUEST_CPUS wants a number from 2 to 64, not '${process.env['RSEQ_SLICE_GUEST_CPUS']}'.`,
  );

export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is killed after that. Default 60. */
  readonly seconds?: number;
}

export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lane {
  /** How a program ended. */
  ending(name: string): Ending;
  /** What a program reported, which must have ended well. */
  json(name: string): unknown;
  /** What a program left in the job's folder. */
  file(name: string): string;
}

/** What a lane does beside running programs. */
export interface Cargo {
  /** Puts files into the job's folder, which is /run/job in the guest. */
  readonly prepare?: (job: string) => void;
  /** Files that programs may leave there. */
  readonly leaves?: readonly string[];
  /** Default true. False where the kernel is configured so that it cannot pass. */
  readonly selftest?: boolean;
}

const guestFolder = fileURLToPath(new URL('guest/', import.meta.url));

/** The command for one of the programs in `guest/`. */
export function node(program: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, join(guestFolder, program), ...args];
}

/** The shim's tests in C, with and without an area of libc's. */
export const SHIM_TESTS: readonly Program[] = [1, 0].map((registers) => ({
  name: `shim_test, rseq=${registers}`,
  command: ['/run/job/shim_test'],
  env: { GLIBC_TUNABLES: `glibc.pthread.rseq=${registers}` },
}));

export async function runLane(
  options: Omit<RunOptions, 'command' | 'job'>,
  programs: readonly Program[],
  { prepare, leaves = ['main-end', 'main-throw', 'main-exit'], selftest = true }: Cargo = {},
): Promise<Lane> {
  const job = createJob();
  try {
    prepare?.(job);
    const { sliceTest } = await ensureKernel(
      options.flavour === undefined ? {} : { flavour: options.flavour },
    );
    // Its static libc would register an area first, and it would skip itself.
    const first = {
      name: 'slice_test',
      command: [sliceTest],
      env: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' },
    };
    const all = selftest ? [first, ...programs] : programs;
    const jobs = all.map((program) => ({ env: {}, seconds: 60, ...program }));
    writeFileSync(join(job, 'programs.json'), JSON.stringify(jobs));
    const run = await runInGuest({
      timeout: 300 * CPUS,
      ...(options.icount === true ? {} : { cpus: CPUS }),
      ...options,
      job,
      command: node('agent.mjs'),
      onStdout: (chunk) => process.stderr.write(chunk),
    });
    expect(run.stderr).toBe('');
    expect(run.exitCode).toBe(0);
    const results = JSON.parse(readFileSync(join(job, 'results.json'), 'utf8')) as Record<
      string,
      Ending
    >;
    const files = Object.fromEntries(
      leaves
        .map((name) => join(job, name))
        .filter((path) => existsSync(path))
        .map((path) => [path.slice(job.length + 1), readFileSync(path, 'utf8').trim()]),
    );
    return {
      ending: (name) => entry(results, name),
      json(name) {
        const ending = entry(results, name);
        expect(ending, name).toMatchObject({
          exitCode: 0,
          signal: null,
          timedOut: false,
          stderr: '',
        });
        return JSON.parse(ending.stdout) as unknown;
      },
      file: (name) => entry(files, name),
    };
  } finally {
    rmSync(job, { recursive: true, force: true });
  }
}

function entry<T>(entries: Readonly<Record<string, T>>, name: string): T {
  const value = entries[name];
  if (value === undefined) throw new Error(`The guest left no result called '${name}'.`);
  return value;
}

/** A folder the guest can write to, with the observer and the shim's tests compiled into it. */
export function createJob(): string {
  const job = mkdtempSync(join(tmpdir(), 'rseq-slice-job-'));
  compileObserver(job);
  const failure = compileShim(join(job, 'shim_test'), [], [...shim, ...suite]);
  if (failure !== undefined) throw new Error(`The shim's tests do not compile:\n${failure}`);
  return job;
}
