/**
 * The addon: its type, and how it is found. A build from source is preferred to
 * a prebuilt one, and only 'there is none' is quiet: a file that is there and
 * does not load is told with its reason.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A loaded object that uses rseq; the kind as in `enum rseq_slice_user_kind`. */
export interface RawUser {
  readonly object: string;
  readonly kind: number;
  readonly isAllocator: boolean;
}

/** Raw facts; numbers as in `native/include/rseq_slice.h`, errors positive. */
export interface RawProbe {
  readonly error: number;
  readonly featureSize: number;
  readonly alignment: number;
  readonly query: number;
  readonly yieldResult: number;
  readonly yieldRfcResult: number;
  readonly flavour: number;
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
  readonly flavour?: number;
  readonly length?: number;
  /** Who would have been harmed; empty when that is not why it failed. */
  readonly users?: readonly RawUser[];
}

/** What `native/addon.cc` exports. */
export interface Binding {
  readonly probe: (policy: number, flavour: number) => RawProbe;
  readonly attach: (policy: number, flavour: number) => RawAttachment;
  readonly detach: () => number;
  readonly controlWord: () => ArrayBuffer | null;
  readonly enter: () => number;
  readonly clear: () => number;
  readonly yieldSlice: () => number;
  readonly cpu: () => number;
  readonly node: () => number;
  readonly concurrencyId: () => number;
  readonly flags: () => number;
  readonly isOwner: () => boolean;
  /** The table of `rseq_slice.h` as an external. */
  readonly nativeApi: () => unknown;
  readonly futexWait: (words: Int32Array, index: number, expected: number, ms: number) => number;
  readonly futexWake: (words: Int32Array, index: number, count: number) => number;
  /** The first bytes of an open file as memory, which is the file's however the process ends; else an errno, 0: external memory is forbidden. */
  readonly mapFile: (file: number, length: number) => ArrayBuffer | number;
}

export type AddonStatus =
  | { readonly state: 'loaded'; readonly path: string; readonly binding: Binding }
  | { readonly state: 'missing'; readonly reason: string }
  | { readonly state: 'failed'; readonly path: string; readonly reason: string }
  | { readonly state: 'not-linux' };

let known: AddonStatus | undefined;

/** Loads the addon once per thread. */
export function loadAddon(): AddonStatus {
  known ??= findAddon();
  return known;
}

function findAddon(): AddonStatus {
  if (process.platform !== 'linux') return { state: 'not-linux' };
  const here = fileURLToPath(import.meta.url);
  // Where bundlers do not see it: they would want to bring what is required, and cannot know what that is.
  const require = process.getBuiltinModule('node:module').createRequire(here);
  let path: string;
  try {
    const finder = require('node-gyp-build') as { resolve(directory: string): string };
    path = finder.resolve(join(dirname(here), '../..'));
  } catch (error) {
    return { state: 'missing', reason: messageOf(error) };
  }
  try {
    return { state: 'loaded', path, binding: require(path) as Binding };
  } catch (error) {
    return { state: 'failed', path, reason: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
