// SPDX-License-Identifier: MIT
/**
 * The addon: its type, and how it is found. A build from source is preferred to
 * a prebuilt one, and only 'there is none' is quiet: a file that is there and
 * does not load is told with its reason. What decides is this process alone, its
 * architecture and its libc: variables that are meant for installers do not.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFolder, packageFolder } from '../../place.ts';
import { faultOf } from './elf.ts';
import { libcKind } from './libc.ts';

/** A loaded object that uses rseq; the kind as in `enum rseq_slice_user_kind`. */
export interface RawUser {
  readonly object: string;
  readonly kind: number;
  readonly isAllocator: boolean;
}

/** Raw facts; numbers as in `native/include/rseq_slice/slice.h`, errors positive. */
export interface RawProbe {
  readonly error: number;
  readonly featureSize: number;
  readonly alignment: number;
  readonly query: number;
  readonly yieldResult: number;
  readonly yieldRfcResult: number;
  readonly abiVersion: number;
  readonly enabled: number;
  readonly libcExported: boolean;
  readonly libcRegistered: boolean;
  readonly libcSize: number;
  readonly libcFlags: number;
  /** Whether the calling thread has an area, whosever; negative errno: not to be told. */
  readonly isRegistered: number;
  readonly users: readonly RawUser[];
  /** What `attach` would answer. */
  readonly errno: number;
  readonly step: number;
  readonly registration: number;
}

export interface RawAttachment {
  readonly errno: number;
  readonly step: number;
  readonly registration?: number;
  readonly abiVersion?: number;
  readonly length?: number;
  /** Who would have been harmed; empty when that is not why it failed. */
  readonly users?: readonly RawUser[];
}

/** What `native/src/addon.cc` exports. */
export interface Binding {
  readonly probe: (policy: number, abiVersion: number) => RawProbe;
  readonly attach: (policy: number, abiVersion: number) => RawAttachment;
  readonly detach: () => number;
  readonly controlWord: () => ArrayBuffer | null;
  readonly enter: () => number;
  readonly clear: () => number;
  readonly yieldSlice: () => number;
  /**
   * The calling thread's area up to the control word, for `ids.ts` alone; null: there is none, or
   * external memory is forbidden.
   */
  readonly areaIds: () => ArrayBuffer | null;
  /** AT_RSEQ_FEATURE_SIZE, bytes. */
  readonly featureSize: () => number;
  /** Of the calling thread, attached or not; so are the next two. */
  readonly cpu: () => number;
  readonly node: () => number;
  readonly concurrencyId: () => number;
  readonly flags: () => number;
  readonly isOwner: () => boolean;
  /** The table of `rseq_slice/slice.h` as an external. */
  readonly nativeApi: () => unknown;
  readonly futexWait: (words: Int32Array, index: number, expected: number, ms: number) => number;
  readonly futexWake: (words: Int32Array, index: number, count: number) => number;
  readonly schedYield: () => void;
  /**
   * The first bytes of an open file as memory, which is the file's however the process ends; else
   * an errno, 0: external memory is forbidden.
   */
  readonly mapFile: (file: number, length: number) => ArrayBuffer | number;
}

/**
 * All that is in it, so that a copy which stayed behind when the package was updated is told from
 * this version's.
 */
const FUNCTIONS = Object.keys({
  probe: 0,
  attach: 0,
  detach: 0,
  controlWord: 0,
  enter: 0,
  clear: 0,
  yieldSlice: 0,
  areaIds: 0,
  featureSize: 0,
  cpu: 0,
  node: 0,
  concurrencyId: 0,
  flags: 0,
  isOwner: 0,
  nativeApi: 0,
  futexWait: 0,
  futexWake: 0,
  schedYield: 0,
  mapFile: 0,
} satisfies Record<keyof Binding, 0>) as (keyof Binding)[];

export type AddonStatus =
  | { readonly state: 'loaded'; readonly path: string; readonly binding: Binding }
  /** `isBundled`: this code is in a bundle, and the addon is not next to it. */
  | {
      readonly state: 'missing';
      readonly isBundled: boolean;
      readonly libc: 'glibc' | 'musl' | null;
    }
  /** Node was started so that no addon can be loaded, or not this file. */
  | { readonly state: 'forbidden'; readonly path: string; readonly what: 'addons' | 'reading' }
  | { readonly state: 'failed'; readonly path: string; readonly reason: string }
  | { readonly state: 'not-linux' };

/** Two folders that may hold an addon. */
interface Place {
  readonly built: string;
  readonly prebuilt: string;
}

let known: AddonStatus | undefined;

/** Loads the addon once per thread. */
export function loadAddon(): AddonStatus {
  known ??= findAddon();
  return known;
}

function findAddon(): AddonStatus {
  if (process.platform !== 'linux') return { state: 'not-linux' };
  const libc = libcKind();
  let failure: AddonStatus | null = null;
  for (const path of candidates(libc)) {
    const found = load(path);
    if (found?.state === 'loaded') return found;
    failure ??= found;
    // Of a libc that is not known the next one may be the right one.
    if (failure !== null && libc !== null) break;
  }
  return failure ?? { state: 'missing', isBundled: isBundled(), libc };
}

/** Also where webpack wrote down a package's folder that is on another machine. */
function isBundled(): boolean {
  try {
    return packageFolder === null || !existsSync(packageFolder);
  } catch {
    return false;
  }
}

/** The files it may be in, the best first. */
function candidates(libc: 'glibc' | 'musl' | null): string[] {
  // Where files may not be read it is not known; a package has both, and of most machines it is
  // glibc.
  const tags = libc === null ? ['glibc', 'musl'] : [libc];
  const places = [ofPackage(), ofBundle()].filter((place) => place !== null);
  return places.flatMap(({ built, prebuilt }) => [
    join(built, 'rseq_slice.node'),
    // As prebuildify names them.
    ...tags.map((tag) => join(prebuilt, `linux-${process.arch}`, `rseq-slice.${tag}.node`)),
  ]);
}

/**
 * In the package. Written out as it is, since programs that collect a deployment's files
 * (@vercel/nft, and so Next.js and Vercel) read it: they evaluate these two expressions, and take
 * along what is there.
 */
function ofPackage(): Place | null {
  if (packageFolder === null) return null;
  const here = fileURLToPath(import.meta.url);
  return {
    built: join(here, '../../../../build/Release'),
    prebuilt: join(here, '../../../../prebuilds'),
  };
}

/** Next to a bundle, where someone may have copied the package's folders to. */
function ofBundle(): Place | null {
  // An ES module of webpack does not know where it is; then it is taken for the program.
  const folder = bundleFolder ?? (isBundled() ? dirname(process.argv[1] ?? '') : '');
  return !isAbsolute(folder)
    ? null
    : { built: join(folder, 'build/Release'), prebuilt: join(folder, 'prebuilds') };
}

/** null: there is no such file. */
function load(path: string): AddonStatus | null {
  const fault = readFault(path);
  if (fault !== null) return { state: 'failed', path, reason: `it ${fault}` };
  try {
    // Where bundlers do not see it: they would want to bring what is required, and cannot know what
    // that is.
    const require = process.getBuiltinModule('node:module').createRequire(path);
    const binding = require(path) as Partial<Binding>;
    const lacking = FUNCTIONS.find((name) => typeof binding[name] !== 'function');
    if (lacking !== undefined)
      return {
        state: 'failed',
        path,
        reason: `it is of another version of this package, and has no ${lacking}()`,
      };
    return { state: 'loaded', path, binding: binding as Binding };
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') return null;
    // The second is Deno's.
    if (code === 'ERR_DLOPEN_DISABLED' || name === 'NotCapable')
      return { state: 'forbidden', path, what: 'addons' };
    if (code === 'ERR_ACCESS_DENIED') return { state: 'forbidden', path, what: 'reading' };
    return { state: 'failed', path, reason: message };
  }
}

function readFault(path: string): string | null {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    // Missing or forbidden: loading it says which.
    return null;
  }
  return faultOf(file);
}
