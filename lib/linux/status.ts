/**
 * Why slices are or are not to be had, in words with a remedy. The addon tells
 * an errno and the step that failed; this is the only place that reads them.
 */
import { constants } from 'node:os';
import { ENOTSUPP } from '../abi.ts';
import type { AddonStatus, RawProbe, RawUser } from './binding.ts';

/** What stands between this thread and slices; `available` when nothing does. */
export const REASONS = [
  'available',
  'not-linux',
  'addon-missing',
  'addon-failed',
  'kernel-without-feature',
  'off-at-boot',
  'denied',
  'legacy-registration',
  'foreign-registration',
  'foreign-use',
  'no-libc-registration',
  'wrong-flavour',
  'out-of-memory',
  'system-error',
] as const;
export type Reason = (typeof REASONS)[number];

export interface Status {
  readonly reason: Reason;
  /** What is the matter, a sentence. */
  readonly explanation: string;
  /** What to do about it, a sentence; empty when nothing is the matter. */
  readonly remedy: string;
  readonly errno?: number;
  readonly syscall?: string;
}

/** In the order of `enum rseq_slice_step`. */
const STEPS = [
  'none',
  'feature',
  'boot',
  'legacy',
  'foreign',
  'register',
  'unregister',
  'enable',
  'memory',
  'policy',
  'flavour',
  'users',
] as const;

/** In the order of `enum rseq_slice_user_kind`, which begins with 1. */
export const USES = ['libc-area', 'librseq', 'own-areas'] as const;
/** How an object uses rseq: libc's areas, by way of librseq, or areas of its own. */
export type Use = (typeof USES)[number];

/** Also in a checkout: npx finds the program of the package it is in. */
const BUILD = 'npx rseq-slice build';
const VM = 'To see slices on this machine run the program in a guest: npm run vm -- COMMAND.';

export const AVAILABLE: Status = {
  reason: 'available',
  explanation: 'The kernel grants time slice extensions to this thread.',
  remedy: '',
};

export function describeAddon(addon: AddonStatus): Status {
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
      return {
        reason: 'addon-missing',
        explanation: `The native addon is not built for ${process.platform} ${process.arch}. ${addon.reason}`,
        remedy: `Build it: ${BUILD} (needs a C and a C++17 compiler). Of a bundle, leave rseq-slice out (external), so that it finds its addon.`,
      };
    case 'failed':
      return {
        reason: 'addon-failed',
        explanation: `The native addon ${addon.path} did not load: ${addon.reason}`,
        remedy: `Build it anew for this Node and libc: ${BUILD}.`,
      };
  }
}

/**
 * What a failed attach means.
 * @param users who uses rseq, where they are the reason
 */
export function describeFailure(stepNumber: number, errno: number, users: readonly RawUser[] = []): Status {
  const step = STEPS[stepNumber] ?? 'none';
  const name = nameErrno(errno);
  const denied = errno === constants.errno.EPERM || errno === constants.errno.ENOSYS;
  switch (step) {
    case 'feature':
      return {
        reason: 'kernel-without-feature',
        explanation: `This kernel has no time slice extensions: prctl(PR_RSEQ_SLICE_EXTENSION) says ${name}.`,
        remedy: `Use Linux 7.0 or later built with CONFIG_RSEQ_SLICE_EXTENSION=y. ${VM}`,
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
        explanation: `libc registered an area of 32 bytes, which this kernel grants nothing to (prctl says ${name}), and the options forbid replacing it.`,
        remedy:
          "Use glibc 2.41 or later, or allow it (registration: 'auto'). Where nothing else in the process uses rseq, GLIBC_TUNABLES=glibc.pthread.rseq=0 does, too.",
        errno,
        syscall: 'prctl',
      };
    case 'foreign':
      return {
        reason: 'foreign-registration',
        explanation: 'Another library has registered an rseq area of its own in this thread, and a thread has one only.',
        remedy: "Let libc register its areas (glibc 2.35 or later without GLIBC_TUNABLES=glibc.pthread.rseq=0), which most libraries share, or run without that library.",
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
            explanation: 'libc registered no rseq area in this thread, and the options demand libc’s.',
            remedy: "Use registration: 'auto' or 'own'.",
            errno,
          }
        : {
            reason: 'legacy-registration',
            explanation: 'libc has registered an rseq area in this thread, and the options demand one of our own.',
            remedy:
              "Use registration: 'auto' or 'replace'.",
            errno,
          };
    case 'flavour':
      return {
        reason: 'wrong-flavour',
        explanation: 'The kernel speaks the other dialect of the control word (bytes for mainline and 7.0, bits for rfc).',
        remedy: "Use flavour: 'auto'; probe() tells which one it is.",
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
          ? 'Allow rseq, prctl operation 79 and system call 471 in the container’s seccomp profile.'
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
  const how = { 'libc-area': 'uses the areas that libc registers', librseq: 'is librseq', 'own-areas': 'registers rseq areas of its own' };
  // An allocator that is the process's malloc has been everywhere before us.
  const harmed = users.filter(({ kind, isAllocator }) => !(isAllocator && USES[kind - 1] === 'own-areas'));
  const sentences = harmed.map(({ object, kind }) => `${object} ${how[USES[kind - 1] ?? 'own-areas']}`);
  return sentences.length === 0 ? 'Some other code uses rseq' : sentences.join('; ');
}

/** EINVAL for 22, and so on; the kernel's own ENOTSUPP among them. */
export function nameErrno(errno: number): string {
  if (errno === ENOTSUPP) return `ENOTSUPP (${String(errno)})`;
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return name === undefined ? `error ${String(errno)}` : `${name} (${String(errno)})`;
}
