// SPDX-License-Identifier: MIT
/**
 * What the doctor looks at: files of the system that tell about the kernel, the
 * sandbox and the CPUs, and a thread that is attached for real. Nothing is judged
 * here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { findGuest } from '../guest.ts';
import type { Guest } from '../guest.ts';
import { attach, probe } from '../../index.ts';
import type { AttachOptions, ProbeReport } from '../../index.ts';
import { describeGuestRemedy } from '../../host/status.ts';
import { runTrial } from './trial.ts';
import type { Trial } from './trial.ts';

export interface Facts {
  readonly platform: string;
  /** Of this process, attached as it would be by itself. */
  readonly probe: ProbeReport;
  /** The kernel's CONFIG_RSEQ_SLICE_EXTENSION; null: no file tells. */
  readonly config: { readonly path: string; readonly value: 'y' | 'not set' | 'unknown' } | null;
  /** The kernel's command line; null: not readable. */
  readonly commandLine: string | null;
  /** Set by whoever runs the program. */
  readonly environment: {
    readonly RSEQ_SLICE: string | null;
    readonly GLIBC_TUNABLES: string | null;
  };
  /**
   * The engine's name; null: none is seen; `unknown`: files that would tell may not be looked at.
   */
  readonly container: string | null;
  /** null: no guest of another system, as far as is told. */
  readonly guest: Guest | null;
  /** A seccomp filter is in force; null: not known. */
  readonly isFiltered: boolean | null;
  /**
   * The system's files may be looked at; not so under Node's permission model, unless it allows
   * that.
   */
  readonly seesSystem: boolean;
  /**
   * How to get slices on this machine without another kernel, a sentence; empty: there is no way.
   */
  readonly guestRemedy: string;
  readonly cpus: { readonly available: number; readonly load: number };
  /**
   * Sections in threads that compete; null: there are no slices to try, or workers are forbidden.
   */
  readonly trial: Trial | null;
}

/**
 * Attaches the calling thread and gives it back. It takes some seconds where slices can be tried.
 */
export async function gatherFacts(
  registration: NonNullable<AttachOptions['registration']>,
): Promise<Facts> {
  const [load = 0] = loadavg();
  const environment = {
    RSEQ_SLICE: process.env['RSEQ_SLICE'] ?? null,
    GLIBC_TUNABLES: process.env['GLIBC_TUNABLES'] ?? null,
  };
  // What the host can do is asked here, and not what someone has chosen.
  delete process.env['RSEQ_SLICE'];
  // libc's area as it was found: afterwards ours may be in its place.
  const { libc } = probe();
  const thread = attach({ registration });
  const report = { ...probe(), libc };
  thread.detach();
  return {
    platform: process.platform,
    probe: report,
    config: readConfig(report.kernel.release),
    commandLine: readText('/proc/cmdline')?.trim() ?? null,
    environment,
    container: findContainer(),
    guest: findGuest(),
    isFiltered: readIsFiltered(),
    seesSystem: readText('/proc/self/status') !== null,
    // One is enough.
    guestRemedy: process.env['RSEQ_SLICE_GUEST'] === undefined ? describeGuestRemedy() : '',
    cpus: { available: availableParallelism(), load },
    trial: report.slices.available ? await tryOut(registration) : null,
  };
}

/** Null where Node's permission model allows no workers. */
async function tryOut(
  registration: NonNullable<AttachOptions['registration']>,
): Promise<Trial | null> {
  try {
    return await runTrial(registration);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return null;
    throw error;
  }
}

/** A file that may be missing or forbidden, which is a fact too. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readConfig(release: string): Facts['config'] {
  const sources: readonly [string, () => string | null][] = [
    ['/proc/config.gz', () => readCompressed('/proc/config.gz')],
    ...[`/boot/config-${release}`, `/lib/modules/${release}/config`].map(
      (path): [string, () => string | null] => [path, () => readText(path)],
    ),
  ];
  for (const [path, read] of sources) {
    const text = read();
    if (text !== null) return { path, value: valueOf(text) };
  }
  return null;
}

function readCompressed(path: string): string | null {
  try {
    return gunzipSync(readFileSync(path)).toString();
  } catch {
    return null;
  }
}

function valueOf(config: string): 'y' | 'not set' | 'unknown' {
  if (/^CONFIG_RSEQ_SLICE_EXTENSION=y$/m.test(config)) return 'y';
  return /^# CONFIG_RSEQ_SLICE_EXTENSION is not set$/m.test(config) ? 'not set' : 'unknown';
}

/** By the marks that container engines leave. */
function findContainer(): string | null {
  const [docker, podman] = [isThere('/.dockerenv'), isThere('/run/.containerenv')];
  if (docker === true) return 'docker';
  if (podman === true) return 'podman';
  const groups = readText('/proc/1/cgroup');
  const engine =
    /\b(docker|kubepods|containerd|lxc|libpod)\b/.exec(groups ?? '')?.[1] ??
    process.env['container'];
  if (engine !== undefined) return engine;
  return docker === null || podman === null ? 'unknown' : null;
}

/** Null where files may not be looked at: under Node's permission model even this throws. */
function isThere(path: string): boolean | null {
  try {
    return existsSync(path);
  } catch {
    return null;
  }
}

function readIsFiltered(): boolean | null {
  const mode = /^Seccomp:\s*(\d)$/m.exec(readText('/proc/self/status') ?? '')?.[1];
  return mode === undefined ? null : mode === '2';
}
