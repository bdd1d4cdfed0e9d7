// SPDX-License-Identifier: MIT
/**
 * What this host can do and why not, as plain data. It changes nothing in the
 * calling thread: what the kernel can do is found out on a thread of its own.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { sep } from 'node:path';
import { ABI_VERSIONS, USES } from './abi/interface.ts';
import type { AbiVersion } from './abi/interface.ts';
import { FLAG_SLICE_AVAILABLE, FLAG_SLICE_ENABLED } from './abi/kernel.ts';
import { currentAttachment, environmentChoice } from './attach.ts';
import type { HostName, Registration } from './host/port.ts';
import { currentHost } from './host/current.ts';
import type { RawProbe } from './host/linux/binding.ts';
import { libcName } from './host/linux/libc.ts';
import { describeProbe } from './host/status.ts';
import type { Reason } from './host/status.ts';

/** A loaded object that uses rseq. */
export interface RseqUser {
  /** Its path, or `the program`. */
  readonly object: string;
  /**
   * `libc-area`: the areas that libc registers. `librseq`: those, or its own where there are none.
   * `own-areas`: its own, as tcmalloc.
   */
  readonly use: 'libc-area' | 'librseq' | 'own-areas';
  /** It is the process's malloc, and so had its say in each thread before anybody else. */
  readonly isAllocator: boolean;
}

/** What this host can do and why not, as plain data. null: not known here. */
export interface ProbeReport {
  /**
   * Whether attach() gets slices from the kernel in the calling thread, RSEQ_SLICE aside, and if
   * not why and what to do.
   */
  readonly slices: {
    /** Whether `attach()` gets slices from the kernel. */
    readonly available: boolean;
    /** `available`, or what stands in the way, for programs. */
    readonly reason: Reason;
    /** What is the matter, a sentence. */
    readonly explanation: string;
    /** What to do about it, a sentence; empty when nothing is the matter. */
    readonly remedy: string;
  };
  /** The running kernel, and what it answers. */
  readonly kernel: {
    /** As `uname -r` says. */
    readonly release: string;
    /** null: slices are unavailable. */
    readonly abiVersion: AbiVersion | null;
    /** AT_RSEQ_FEATURE_SIZE, bytes; null where the addon is not there to ask. */
    readonly featureSize: number | null;
    /** AT_RSEQ_ALIGN, bytes. */
    readonly alignment: number | null;
    /** errno of asking with prctl(PR_RSEQ_SLICE_EXTENSION); 0: it answers. */
    readonly prctl: number | null;
    /** errno of rseq_slice_yield, under the number it has in this ABI version; 0: it answers. */
    readonly yield: number | null;
    /** How long an extension is, ns; null where debugfs cannot be read. */
    readonly extension: number | null;
  };
  /** The C library, and its registration of the calling thread. */
  readonly libc: {
    /** `glibc 2.36`; null for another, or where /proc/self/maps cannot be read. */
    readonly name: string | null;
    /** It registered the calling thread's area. */
    readonly registered: boolean | null;
    /** `__rseq_size`, bytes. */
    readonly size: number | null;
    /** What the kernel wrote into `struct rseq.flags` of its area. */
    readonly flags: {
      /** The area can have slices. */
      readonly available: boolean;
      /** And this thread has asked for them. */
      readonly enabled: boolean;
    } | null;
  };
  /**
   * Who registered the calling thread's rseq area: a thread has one, or none. null where that
   * cannot be asked.
   */
  readonly owner: 'libc' | 'rseq-slice' | 'other' | 'nobody' | null;
  /**
   * The loaded objects that use rseq, as far as their symbols tell; null where the addon is not
   * there to look. Code that is linked in statically and exports no name of it is not among them.
   */
  readonly users: readonly RseqUser[] | null;
  /** The native addon, and where it came from. */
  readonly addon: {
    /** `loaded`, `missing`, `failed`, `forbidden` by how Node was started, or `not-linux`. */
    readonly state: 'loaded' | 'missing' | 'failed' | 'forbidden' | 'not-linux';
    /** The file, where one was found. */
    readonly path: string | null;
    /** `prebuild`: it came with the package; `build`: it was compiled here. */
    readonly origin: 'build' | 'prebuild' | null;
  };
  /** The calling thread, if it is attached. */
  readonly thread: {
    /** Which kernel serves it. */
    readonly host: HostName;
    /** Whose rseq area it uses. */
    readonly registration: Registration;
    /** The version of the ABI. */
    readonly abiVersion: AbiVersion;
    /**
     * `native`: this runtime refuses to map the word, and every section is two calls into the
     * addon.
     */
    readonly controlWord: 'mapped' | 'native';
  } | null;
  /** Variables that decide something; null: not set. */
  readonly environment: {
    /** Decides over `host: 'auto'`. */
    readonly RSEQ_SLICE: string | null;
  };
  /** The running Node. */
  readonly node: {
    /** As `process.version`. */
    readonly version: string;
    /** As `process.arch`. */
    readonly arch: string;
  };
}

/**
 * Reports on kernel, libc, registration and addon. It asks nobody but the kernel, and waits for no
 * other thread.
 */
export function probe(): ProbeReport {
  const host = currentHost();
  const { addon } = host;
  const raw = host.probe();
  const attachment = currentAttachment();
  const status =
    attachment !== undefined && attachment.status.reason !== 'available'
      ? attachment.status
      : raw === null
        ? host.status
        : describeProbe(raw);
  const environment = environmentChoice();
  return {
    slices: {
      available: status.reason === 'available',
      reason: status.reason,
      explanation: status.explanation,
      remedy: status.remedy,
    },
    kernel: {
      release: release(),
      abiVersion: raw === null ? null : (ABI_VERSIONS[raw.abiVersion - 1] ?? null),
      featureSize: raw === null ? null : raw.featureSize,
      alignment: raw === null ? null : raw.alignment,
      prctl: raw === null ? null : raw.query,
      yield: raw === null ? null : errnoOfYield(raw),
      extension: readExtension(),
    },
    libc: {
      name: libcName(),
      registered: raw === null ? null : raw.libcRegistered,
      size: raw === null ? null : raw.libcSize,
      flags:
        raw === null || !raw.libcRegistered
          ? null
          : {
              available: (raw.libcFlags & FLAG_SLICE_AVAILABLE) !== 0,
              enabled: (raw.libcFlags & FLAG_SLICE_ENABLED) !== 0,
            },
    },
    owner: raw === null ? null : ownerOf(raw, attachment?.thread.registration),
    users:
      raw === null
        ? null
        : raw.users.map(({ object, kind, isAllocator }) => ({
            object,
            use: USES[kind - 1] ?? 'own-areas',
            isAllocator,
          })),
    addon: {
      state: addon.state,
      path: 'path' in addon ? addon.path : null,
      origin: 'path' in addon ? originOf(addon.path) : null,
    },
    thread:
      attachment === undefined
        ? null
        : {
            host: attachment.thread.host,
            registration: attachment.thread.registration,
            abiVersion: attachment.thread.abiVersion,
            controlWord: attachment.isMapped ? 'mapped' : 'native',
          },
    environment: { RSEQ_SLICE: environment === '' ? null : environment },
    node: { version: process.version, arch: process.arch },
  };
}

/** What is asked of a thread without an extension: 0 or 1 is an answer. */
function errnoOfYield({ abiVersion, yieldResult, yieldRfcResult }: RawProbe): number {
  const result = ABI_VERSIONS[abiVersion - 1] === 'rfc' ? yieldRfcResult : yieldResult;
  return result < 0 ? -result : 0;
}

function ownerOf(
  { isRegistered, libcRegistered }: RawProbe,
  ours: Registration | undefined,
): ProbeReport['owner'] {
  if (libcRegistered) return 'libc';
  if (isRegistered < 0) return null;
  if (isRegistered === 0) return 'nobody';
  return ours === 'own' || ours === 'replace' ? 'rseq-slice' : 'other';
}

function originOf(path: string): 'build' | 'prebuild' {
  return path.split(sep).includes('prebuilds') ? 'prebuild' : 'build';
}

function readExtension(): number | null {
  try {
    return Number(readFileSync('/sys/kernel/debug/rseq/slice_ext_nsec', 'utf8').trim());
  } catch {
    // Not root, not mounted, or a kernel without it: nothing to tell.
    return null;
  }
}
