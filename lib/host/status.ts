// SPDX-License-Identifier: MIT
/**
 * Why slices are available or not, in words with a remedy that whoever reads
 * it can follow: in a checkout or in an installed package, on this architecture.
 * The addon tells an errno and the step that failed; this is the only place that
 * reads them.
 */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { STEPS, USES } from '../abi/interface.ts';
import { ENOTSUPP, LEGACY_LENGTH, NR_SLICE_YIELD, PR_SLICE_EXTENSION } from '../abi/kernel.ts';
import { packageFolder } from '../place.ts';
import type { AddonStatus, RawProbe, RawUser } from './linux/binding.ts';

/** What stands between this thread and slices, for programs; `available` when nothing does. */
export type Reason =
  | 'available'
  | 'not-linux'
  | 'addon-missing'
  | 'addon-failed'
  | 'addon-forbidden'
  | 'kernel-without-feature'
  | 'off-at-boot'
  | 'denied'
  | 'legacy-registration'
  | 'foreign-registration'
  | 'foreign-use'
  | 'no-libc-registration'
  | 'wrong-abi-version'
  | 'out-of-memory'
  | 'system-error';

const EVERY_REASON = {
  available: 0,
  'not-linux': 0,
  'addon-missing': 0,
  'addon-failed': 0,
  'addon-forbidden': 0,
  'kernel-without-feature': 0,
  'off-at-boot': 0,
  denied: 0,
  'legacy-registration': 0,
  'foreign-registration': 0,
  'foreign-use': 0,
  'no-libc-registration': 0,
  'wrong-abi-version': 0,
  'out-of-memory': 0,
  'system-error': 0,
} satisfies Record<Reason, 0>;

export const REASONS: readonly Reason[] = Object.keys(EVERY_REASON) as Reason[];

export interface Status {
  readonly reason: Reason;
  /** What is the matter, a sentence. */
  readonly explanation: string;
  /** What to do about it, a sentence; empty when nothing is the matter. */
  readonly remedy: string;
  readonly errno?: number;
  readonly syscall?: string;
}

/** Who reads a remedy: where from, and on what. */
export interface Reader {
  /** The package is the repository's, with its scripts. */
  readonly isCheckout: boolean;
  /** As `process.arch`. */
  readonly arch: string;
}

const here = (): Reader => ({ isCheckout: isCheckout(), arch: process.arch });

/** Not known to be one where files may not be looked at, under Node's permission model. */
function isCheckout(): boolean {
  try {
    return packageFolder !== null && existsSync(join(packageFolder, 'packages/vm'));
  } catch {
    return false;
  }
}

const howToBuild = ({ isCheckout }: Reader): string =>
  `Build it: ${isCheckout ? 'npm run build:native' : 'npx rseq-slice build'} (needs a C and a C++17 compiler).`;

/**
 * Whose Linux has the feature, up to 7.3; others' lacks what it is made of, and its configuration
 * has no such option.
 */
const ARCHITECTURES: Readonly<Partial<Record<string, string>>> = {
  x64: 'x86',
  ia32: 'x86',
  riscv64: 'RISC-V',
  s390x: 's390',
  loong64: 'LoongArch',
};

/** What to do where no kernel has slices; null: some have, on this architecture. */
export function describeArchitecture(arch: string): string | null {
  if (ARCHITECTURES[arch] !== undefined) return null;
  const names = [...new Set(Object.values(ARCHITECTURES))].join(', ');
  return `Linux has no time slice extensions for ${arch}, as of 7.3, only for ${names}: run the program on one of those, or leave it on the simulated kernel.`;
}

/** How to get slices without another kernel, a sentence; empty where there is no way. */
export function describeGuestRemedy({ isCheckout, arch }: Reader = here()): string {
  const command = isCheckout ? 'npm run vm' : 'npx rseq-slice-vm';
  return arch === 'x64'
    ? `To see slices on this machine, run the program in a guest: ${command} -- COMMAND.`
    : '';
}

/** How to get a kernel that has slices. */
export function describeKernelRemedy(reader: Reader = here()): string {
  return (
    describeArchitecture(reader.arch) ??
    `Use Linux 7.0 or later built with CONFIG_RSEQ_SLICE_EXTENSION=y. ${describeGuestRemedy(reader)}`.trimEnd()
  );
}

export const AVAILABLE: Status = {
  reason: 'available',
  explanation: 'The kernel grants time slice extensions to this thread.',
  remedy: '',
};

export function describeAddon(addon: AddonStatus, reader: Reader = here()): Status {
  switch (addon.state) {
    case 'loaded':
      return AVAILABLE;
    case 'not-linux':
      return {
        reason: 'not-linux',
        explanation: `Time slice extensions are a feature of Linux; this is ${process.platform}.`,
        remedy: 'Nothing to do: everything works on the simulated kernel.',
      };
    case 'missing':
      return addon.isBundled
        ? MISSING_IN_BUNDLE
        : {
            reason: 'addon-missing',
            explanation: `The package has no native addon for ${process.platform} ${reader.arch}${addon.libc === null ? '' : ` and ${addon.libc}`}, and none was built.`,
            remedy: howToBuild(reader),
          };
    case 'forbidden':
      return describeForbidden(addon.what, addon.path);
    case 'failed':
      return {
        reason: 'addon-failed',
        explanation: `The native addon ${addon.path} did not load: ${addon.reason.replace(/\.?$/, '.')}`,
        remedy: remedyOf(addon.reason.replaceAll(addon.path, ''), reader),
      };
  }
}

const MISSING_IN_BUNDLE: Status = {
  reason: 'addon-missing',
  explanation: 'This program was bundled, and the native addon is not next to the bundle.',
  remedy:
    'Leave rseq-slice out of the bundle (mark it as external), so that it finds its addon; or copy the folder node_modules/rseq-slice/prebuilds next to the bundle.',
};

function describeForbidden(what: 'addons' | 'reading', path: string): Status {
  if (what === 'reading') {
    return {
      reason: 'addon-forbidden',
      explanation: `Node's permission model forbids reading the native addon ${path}.`,
      remedy: `Start Node with --allow-fs-read=${path} and --allow-addons as well.`,
    };
  }
  if ('Deno' in globalThis) {
    return {
      reason: 'addon-forbidden',
      explanation: 'Deno was not allowed to load native addons.',
      remedy: 'Start Deno with --allow-ffi as well.',
    };
  }
  const isModel = 'permission' in process;
  return {
    reason: 'addon-forbidden',
    explanation: isModel
      ? "Node's permission model forbids native addons in this process."
      : 'Node was started with --no-addons, on its command line, in NODE_OPTIONS or for this worker.',
    remedy: isModel ? 'Start Node with --allow-addons as well.' : 'Start Node without --no-addons.',
  };
}

function remedyOf(reason: string, reader: Reader): string {
  const known = FAULTS.find(([said]) => said.test(reason))?.[1];
  return known === undefined
    ? `${howToBuild(reader)} That is, anew, for this Node and libc.`
    : known(reader);
}

/**
 * What `faultOf`, glibc's and musl's dynamic linkers say, and what to do then. The first that fits.
 */
const FAULTS: readonly (readonly [RegExp, (reader: Reader) => string])[] = [
  [
    /is no shared library|is cut off|of another version/,
    (reader) =>
      `Install the package again, and copy the addon again if it was copied from there. Or build it anew. ${howToBuild(reader)}`,
  ],
  [
    /another architecture/,
    (reader) =>
      `Install the package on this machine instead of copying it from another. ${howToBuild(reader)}`,
  ],
  [
    /lib(?:stdc\+\+|gcc_s)[^ ]*(?:: cannot open shared object file|: No such file)/,
    () =>
      'Install the C++ library, as root. Debian: apt-get install libstdc++6; Alpine: apk add libstdc++.',
  ],
  [
    /Permission denied|failed to map segment|Operation not permitted/,
    () => 'Let this user read the file, on a file system that is not mounted with noexec.',
  ],
  [
    /musl|ld-linux|libc\.so\.6|version [^ ]* not found|Error relocating/,
    (reader) =>
      `It is for another libc, or a newer one, than this process has. ${howToBuild(reader)}`,
  ],
];

/**
 * What a failed attach means.
 * @param users who uses rseq, where they are the reason
 */
export function describeFailure(
  stepNumber: number,
  errno: number,
  users: readonly RawUser[] = [],
): Status {
  const step = STEPS[stepNumber] ?? 'none';
  const name = nameErrno(errno);
  const denied = errno === constants.errno.EPERM || errno === constants.errno.ENOSYS;
  switch (step) {
    case 'feature':
      return {
        reason: 'kernel-without-feature',
        explanation: `This kernel has no time slice extensions: prctl(PR_RSEQ_SLICE_EXTENSION) says ${name}.`,
        remedy: describeKernelRemedy(),
        errno,
        syscall: 'prctl',
      };
    case 'boot':
      return {
        reason: 'off-at-boot',
        explanation: `The kernel has time slice extensions, switched off at boot: prctl says ${name}.`,
        remedy: 'Boot without rseq_slice_ext=0 on the kernel command line.',
        errno,
        syscall: 'prctl',
      };
    case 'legacy':
      return {
        reason: 'legacy-registration',
        explanation: `libc registered an area of ${LEGACY_LENGTH} bytes, which this kernel grants nothing to (prctl says ${name}), and the options forbid replacing it.`,
        remedy:
          "Use glibc 2.41 or later, or allow it (registration: 'auto'). Where nothing else in the process uses rseq, GLIBC_TUNABLES=glibc.pthread.rseq=0 does, too.",
        errno,
        syscall: 'prctl',
      };
    case 'foreign':
      return {
        reason: 'foreign-registration',
        explanation:
          'Another library has registered an rseq area of its own in this thread, and a thread has only one.',
        remedy:
          'Let libc register its areas (glibc 2.35 or later without GLIBC_TUNABLES=glibc.pthread.rseq=0), which most libraries share, or run without that library.',
        errno,
        syscall: 'rseq',
      };
    case 'users':
      return {
        reason: 'foreign-use',
        explanation: `${nameUsers(users)} in this process, and would be harmed by an area of ours in this thread, so it was left alone.`,
        remedy:
          "Use glibc 2.41 or later, whose areas serve everybody. Or, if that code never runs in threads with sections, nor in threads that those create: attach({ registration: 'replace' }), or 'own' where libc registers nothing.",
        errno,
        syscall: 'rseq',
      };
    case 'policy':
      return errno === constants.errno.ENXIO
        ? {
            reason: 'no-libc-registration',
            explanation:
              'libc registered no rseq area in this thread, but the options ask for libc’s.',
            remedy: "Use registration: 'auto' or 'own'.",
            errno,
          }
        : {
            reason: 'legacy-registration',
            explanation:
              'libc has registered an rseq area in this thread, but the options ask for one of our own.',
            remedy: "Use registration: 'auto' or 'replace'.",
            errno,
          };
    case 'abi-version':
      return {
        reason: 'wrong-abi-version',
        explanation:
          'The kernel has another ABI version than was asked for (its control word is bytes for mainline and 7.0, bits for rfc).',
        remedy: "Use abiVersion: 'auto'; probe() tells which one it is.",
        errno,
      };
    case 'memory':
      return {
        reason: 'out-of-memory',
        explanation: `No memory or no thread for the rseq area: ${name}.`,
        remedy: 'Free memory, or raise the limit on threads.',
        errno,
      };
    default: {
      const syscall = step === 'enable' ? 'prctl' : 'rseq';
      return {
        reason: denied ? 'denied' : 'system-error',
        explanation: denied
          ? `${syscall} was denied (${name}): a seccomp filter, as containers have, or no such system call.`
          : `${syscall} failed (${name}) while the thread was to be given its area.`,
        remedy: denied
          ? `Allow rseq, prctl operation ${PR_SLICE_EXTENSION} and system call ${NR_SLICE_YIELD} in the container’s seccomp profile.`
          : 'Please report this, with the output of probe().',
        errno,
        syscall,
      };
    }
  }
}

/** Would attach() get slices in the calling thread? */
export function describeProbe(raw: RawProbe): Status {
  return raw.errno === 0 ? AVAILABLE : describeFailure(raw.step, raw.errno, raw.users);
}

/** Who would be harmed by an area of ours and how, the beginning of a sentence. */
function nameUsers(users: readonly RawUser[]): string {
  const how = {
    'libc-area': 'uses the areas that libc registers',
    librseq: 'is librseq',
    'own-areas': 'registers rseq areas of its own',
  };
  // An allocator that is the process's malloc has been everywhere before us.
  const harmed = users.filter(
    ({ kind, isAllocator }) => !(isAllocator && USES[kind - 1] === 'own-areas'),
  );
  const sentences = harmed.map(
    ({ object, kind }) => `${object} ${how[USES[kind - 1] ?? 'own-areas']}`,
  );
  return sentences.length === 0 ? 'Some other code uses rseq' : sentences.join('; ');
}

/** EINVAL for 22, and so on; the kernel's own ENOTSUPP among them. */
export function nameErrno(errno: number): string {
  if (errno === ENOTSUPP) return `ENOTSUPP (${String(errno)})`;
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return name === undefined ? `error ${String(errno)}` : `${name} (${String(errno)})`;
}
