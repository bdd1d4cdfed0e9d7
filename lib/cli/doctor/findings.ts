// SPDX-License-Identifier: MIT
/**
 * What the facts mean: a line each with what to do about it, and the one thing
 * to do first. Of several lines that fail for one cause, the cause alone counts
 * as failed. Reads nothing but the facts.
 */
import { ENVIRONMENT } from '../../attach.ts';
import { describeGuest } from '../guest.ts';
import { describeArchitecture, nameErrno } from '../../host/status.ts';
import type { Reason } from '../../host/status.ts';
import { WITHOUT_YIELD } from '../granted.ts';
import type { Facts } from './facts.ts';

export interface Finding {
  readonly name: string;
  /** `follows`: as it has to be after what failed. `unknown`: it cannot be looked at here. */
  readonly status: 'passed' | 'warned' | 'failed' | 'follows' | 'unknown';
  /** What was found, a sentence. */
  readonly text: string;
  /** What to do about it, sentences; empty where nothing is to be done. */
  readonly remedy: string;
}

export interface Verdict {
  readonly works: boolean;
  readonly text: string;
  /** The one thing to do before any other, sentences; empty where nothing is to be done. */
  readonly first: string;
  /** The simulated kernel serves in the meantime. */
  readonly fallsBack: boolean;
}

type Examination = (facts: Facts) => Finding | null;

const passed = (name: string, text: string): Finding => ({
  name,
  status: 'passed',
  text,
  remedy: '',
});
const warned = (name: string, text: string, remedy: string): Finding => ({
  name,
  status: 'warned',
  text,
  remedy,
});
const failed = (name: string, text: string, remedy: string): Finding => ({
  name,
  status: 'failed',
  text,
  remedy,
});

const unknown = (name: string, text: string): Finding => ({
  name,
  status: 'unknown',
  text,
  remedy: '',
});
const UNREAD = 'Not known here: the files that tell may not be read.';
const UNASKED = 'Not known here: it takes the addon to ask.';

const ALLOW =
  "Allow rseq, prctl operation 79 and system call 471 in the seccomp profile: docker run --security-opt seccomp=PROFILE.json, or the pod's seccompProfile.";
const BUILD = 'Build the kernel with CONFIG_RSEQ_SLICE_EXTENSION=y, or boot one that is built so.';
const orGuest = (remedy: string, { guestRemedy }: Facts): string =>
  `${remedy} ${guestRemedy}`.trimEnd();
/** Bytes of `struct rseq` up to and with the control word. */
const WITH_CONTROL_WORD = 32;
/** Threads that want a CPU, for each: from here on timings are noise. */
const BUSY = 2;

/** What stands in the way of all that comes after it, in this order. */
const CHAIN = ['kernel', 'configuration', 'boot', 'sandbox', 'struct rseq', 'prctl'];
/** What to mend where slices work, and the rest may stay as it is. */
const WORTH_MENDING = ['sections', 'yield', 'control word', 'environment'];

/** All lines, in the order of their causes: what comes first stands in the way of what follows. */
export function examine(facts: Facts): Finding[] {
  const all = EXAMINATIONS.map((look) => look(facts)).filter((finding) => finding !== null);
  const failing = (name: string): boolean =>
    all.some((finding) => finding.name === name && finding.status === 'failed');
  const root = CHAIN.find(failing);
  const consequences = new Set(root === undefined ? [] : CHAIN.filter((name) => name !== root));
  if (root !== undefined || failing('addon')) consequences.add('thread');
  return all.map((finding) => {
    if (finding.status === 'passed' || finding.status === 'unknown') return finding;
    if (consequences.has(finding.name)) return { ...finding, status: 'follows', remedy: '' };
    // Of two causes the first is why. The addon does not follow from it, and alone would be of no
    // use.
    return finding.name === 'addon' && root !== undefined
      ? { ...finding, status: 'warned' }
      : finding;
  });
}

/** @param findings of the same facts */
export function conclude(
  { probe: { slices, kernel, thread } }: Facts,
  findings: readonly Finding[],
): Verdict {
  const find = (names: readonly string[], status: Finding['status']): Finding | undefined =>
    names
      .map((name) => findings.find((finding) => finding.name === name && finding.status === status))
      .find((finding) => finding !== undefined);
  const cause = find([...CHAIN, 'addon', 'thread'], 'failed');
  const length =
    kernel.extension === null ? '' : `, extensions of ${inMicroseconds(kernel.extension)}`;
  const text = slices.available
    ? `Slices work here: ABI ${thread?.abiVersion ?? 'unknown'}, registration '${thread?.registration ?? 'none'}'${length}.`
    : `No slices here (${reasonOf(cause, slices.reason)}). ${cause?.text ?? slices.explanation}`;
  // Comes before all else: nothing attaches, not even to the simulated kernel.
  const environment = find(['environment'], 'failed');
  if (environment !== undefined)
    return {
      works: false,
      text: `${environment.text} Without it: ${text}`,
      first: environment.remedy,
      fallsBack: false,
    };
  if (slices.available)
    return {
      works: true,
      text,
      first: find(WORTH_MENDING, 'warned')?.remedy ?? '',
      fallsBack: false,
    };
  return { works: false, text, first: cause?.remedy ?? slices.remedy, fallsBack: true };
}

/**
 * The reason that belongs to the cause: what the kernel lacks is told by its files too, where the
 * addon is not there to ask.
 */
function reasonOf(cause: Finding | undefined, reason: Reason): Reason {
  const isKernel = cause?.name === 'kernel' || cause?.name === 'configuration';
  return isKernel && reason.startsWith('addon-') ? 'kernel-without-feature' : reason;
}

const USE_WORDS = {
  'libc-area': "uses libc's areas",
  librseq: 'librseq',
  'own-areas': 'registers areas of its own',
} as const;

const inMicroseconds = (nanoseconds: number): string => `${nanoseconds / 1000} us`;

function worth(isGood: boolean, isKernelGood: boolean, isReplaced: boolean): string {
  if (isGood) return 'which can have slices';
  if (!isKernelGood) return 'whose use depends on the kernel';
  return `which this kernel grants nothing to${isReplaced ? ': ours replaces it' : ''}`;
}

const EXAMINATIONS: readonly Examination[] = [
  function kernel(facts) {
    const {
      platform,
      probe: { slices, kernel, node },
    } = facts;
    if (platform !== 'linux')
      return failed(
        'kernel',
        `This is ${platform}; time slice extensions are a feature of Linux.`,
        'Nothing to do, unless slices are wanted: then run it on Linux.',
      );
    const text = `Linux ${kernel.release}`;
    // Whose configuration has no such option, whatever the version.
    const elsewhere = slices.available ? null : describeArchitecture(node.arch);
    if (elsewhere !== null)
      return failed(
        'kernel',
        `${text} for ${node.arch}, which has no time slice extensions.`,
        elsewhere,
      );
    const major = Number.parseInt(kernel.release, 10);
    if (slices.available || major >= 7) return passed('kernel', `${text}.`);
    return failed(
      'kernel',
      `${text}: time slice extensions came with 7.0.`,
      orGuest('Boot Linux 7.0 or later, built with CONFIG_RSEQ_SLICE_EXTENSION=y.', facts),
    );
  },
  function configuration(facts) {
    const {
      platform,
      config,
      seesSystem,
      probe: { slices },
    } = facts;
    if (platform !== 'linux') return null;
    if (config?.value === 'y')
      return passed('configuration', `CONFIG_RSEQ_SLICE_EXTENSION=y (${config.path}).`);
    if (config?.value === 'not set')
      return failed(
        'configuration',
        `CONFIG_RSEQ_SLICE_EXTENSION is not set (${config.path}).`,
        orGuest(BUILD, facts),
      );
    if (config !== null)
      return failed(
        'configuration',
        `There was no CONFIG_RSEQ_SLICE_EXTENSION when this kernel was built (${config.path}).`,
        orGuest(BUILD, facts),
      );
    if (slices.available)
      return passed('configuration', 'Not readable, and not needed: the kernel answers.');
    if (!seesSystem) return unknown('configuration', UNREAD);
    return warned(
      'configuration',
      'Not readable: no file tells how this kernel was built.',
      'Try modprobe configs, which brings /proc/config.gz, or install /boot/config-RELEASE with the kernel.',
    );
  },
  function boot({ platform, commandLine, probe: { slices } }) {
    if (platform !== 'linux') return null;
    if (commandLine === null) return unknown('boot', UNREAD);
    const options = commandLine
      .split(/\s+/)
      .filter((word) => /^rseq(_slice_ext|_debug)?=/.test(word));
    const text =
      options.length === 0
        ? 'Nothing about rseq on the kernel command line.'
        : `The kernel command line has ${options.join(' ')}.`;
    return slices.reason === 'off-at-boot'
      ? failed('boot', text, slices.remedy)
      : passed('boot', text);
  },
  function feature({ platform, probe: { kernel } }) {
    const { featureSize, alignment } = kernel;
    if (featureSize === null) return platform === 'linux' ? unknown('struct rseq', UNASKED) : null;
    const text = `The kernel's struct rseq has ${featureSize} bytes, aligned to ${alignment ?? 'unknown'}`;
    if (featureSize >= WITH_CONTROL_WORD || kernel.abiVersion !== null)
      return passed('struct rseq', `${text}.`);
    return failed(
      'struct rseq',
      `${text}: no control word in it.`,
      'It comes with the kernel: see above.',
    );
  },
  function prctl(facts) {
    const {
      platform,
      probe: { kernel, slices },
    } = facts;
    if (kernel.prctl === null) return platform === 'linux' ? unknown('prctl', UNASKED) : null;
    if (kernel.prctl === 0) return passed('prctl', 'prctl(PR_RSEQ_SLICE_EXTENSION) answers.');
    const text = `prctl(PR_RSEQ_SLICE_EXTENSION) says ${nameErrno(kernel.prctl)}`;
    if (slices.reason === 'denied') return failed('prctl', `${text}: a filter denies it.`, ALLOW);
    return failed('prctl', `${text}: this kernel has no slices.`, orGuest(BUILD, facts));
  },
  function yielding({ probe: { kernel } }) {
    // Where nothing can be granted, the call has nothing to say.
    if (kernel.yield === null || kernel.abiVersion === null) return null;
    if (kernel.yield === 0) return passed('yield', 'rseq_slice_yield answers.');
    // The kernel ends the extension when the call is made, whoever answers it.
    return warned(
      'yield',
      `rseq_slice_yield says ${nameErrno(kernel.yield)}: a filter answers in the kernel's place. The CPU is given up all the same, but whether in time is not told.`,
      ALLOW,
    );
  },
  function extension({ probe: { kernel, slices } }) {
    if (kernel.extension !== null)
      return passed('extension', `${inMicroseconds(kernel.extension)}.`);
    if (!slices.available) return null;
    return warned(
      'extension',
      'How long it is cannot be read.',
      'As root: mount -t debugfs none /sys/kernel/debug; cat /sys/kernel/debug/rseq/slice_ext_nsec. It begins at 5 us.',
    );
  },
  function libc({ platform, seesSystem, probe: { libc, kernel, slices }, environment }) {
    if (platform === 'linux' && libc.name === null && !seesSystem && libc.registered === null)
      return unknown('libc', UNREAD);
    const name =
      libc.name ??
      (seesSystem || platform !== 'linux'
        ? 'This libc (not glibc, as far as is known)'
        : 'This libc');
    if (libc.registered === null) return passed('libc', `${name}.`);
    if (libc.registered)
      return passed(
        'libc',
        `${name} registered an area for each thread, ${worth(libc.flags?.available === true, kernel.abiVersion !== null, slices.available)}.`,
      );
    const tunable = /glibc\.pthread\.rseq=0/.test(environment.GLIBC_TUNABLES ?? '')
      ? ', as GLIBC_TUNABLES says'
      : '';
    return passed(
      'libc',
      `${name} registered no area${tunable}${slices.available ? ': ours is used' : ''}.`,
    );
  },
  function users({ platform, probe: { users } }) {
    if (users === null) return platform === 'linux' ? unknown('rseq users', UNASKED) : null;
    if (users.length === 0)
      return passed('rseq users', 'No loaded object but libc uses rseq, as far as symbols tell.');
    // Whether one of them stands in the way, the thread's line says.
    const text = `${users.map(({ object, use }) => `${object} (${USE_WORDS[use]})`).join(', ')}.`;
    return passed('rseq users', text);
  },
  function sandbox({ platform, container, isFiltered, probe: { slices } }) {
    if (platform !== 'linux') return null;
    const where =
      container === null
        ? 'No container'
        : container === 'unknown'
          ? 'Whether this is a container is not known'
          : `A container (${container})`;
    const filter =
      isFiltered === null
        ? 'whether system calls are filtered is not known'
        : isFiltered
          ? 'a seccomp filter is in force'
          : 'no seccomp filter';
    const text = `${where}, ${filter}`;
    return slices.reason === 'denied'
      ? failed('sandbox', `${text}; rseq or prctl is denied.`, ALLOW)
      : container === 'unknown' && isFiltered === null
        ? unknown('sandbox', `${text}.`)
        : passed('sandbox', `${text}.`);
  },
  function thread({ platform, probe: { slices, thread, addon } }) {
    // Why it is not there is its own line.
    if (platform === 'linux' && addon.state !== 'loaded')
      return failed('thread', 'Not attached: it takes the addon to do that.', slices.remedy);
    if (!slices.available || thread === null)
      return failed('thread', slices.explanation, slices.remedy);
    return passed(
      'thread',
      `Attached and given back: registration '${thread.registration}', ABI ${thread.abiVersion}.`,
    );
  },
  function controlWord({ probe: { slices, thread } }) {
    if (!slices.available || thread === null) return null;
    if (thread.controlWord === 'mapped')
      return passed('control word', 'Mapped into JavaScript: a section is two plain stores.');
    return warned(
      'control word',
      'This runtime refuses external buffers: a section is two calls into the addon, some 20 ns.',
      'Use a runtime whose V8 has no memory cage: Node.js itself, not Electron.',
    );
  },
  function sections({ trial, probe: { slices } }) {
    // What cannot be tried for want of slices says nothing.
    if (trial === null)
      return slices.available
        ? unknown('sections', 'Not known here: workers, which would compete, are not allowed.')
        : null;
    const disturbed = trial.yielded + trial.raced + trial.preempted;
    const text = `${count(trial.entered)} tried in threads that compete: ${count(disturbed)} disturbed, ${count(trial.yielded)} of them finished in an extension.`;
    if (trial.yielded > 0) return passed('sections', text);
    if (trial.raced > 0)
      return warned(
        'sections',
        `${text} ${WITHOUT_YIELD}`,
        "Try again when the machine is less busy. If it stays so, see whether something answers rseq_slice_yield in the kernel's place (line yield), and please report it.",
      );
    if (disturbed > 0)
      return warned(
        'sections',
        `${text} The kernel granted none.`,
        'Try again. If it stays so, please report it, with the output of doctor --json.',
      );
    return warned(
      'sections',
      text,
      'Try again on a busy machine: nobody wanted these CPUs. If it stays so, please report it.',
    );
  },
  function addon({ platform, probe: { addon, slices } }) {
    if (platform !== 'linux') return null;
    const what = { build: 'Compiled on this machine', prebuild: 'The prebuilt one of the package' };
    if (addon.state === 'loaded')
      return passed(
        'addon',
        `${addon.origin === null ? 'Loaded' : what[addon.origin]} (${addon.path ?? ''}).`,
      );
    return failed('addon', slices.explanation, slices.remedy);
  },
  function node({ probe: { node } }) {
    return passed('Node.js', `${node.version}, ${node.arch}.`);
  },
  function environment({ environment: { RSEQ_SLICE: choice } }) {
    if (choice === null || choice === '' || choice === 'auto') return null;
    if (!ENVIRONMENT.some((known) => known === choice)) {
      return failed(
        'environment',
        `RSEQ_SLICE=${choice} means nothing: attach() throws in every program. It was put aside here.`,
        `Unset RSEQ_SLICE, or set it to one of ${ENVIRONMENT.filter((known) => known !== '').join(', ')}.`,
      );
    }
    return warned(
      'environment',
      `RSEQ_SLICE=${choice} decides for programs that leave the choice open; it was put aside here.`,
      'Unset RSEQ_SLICE, if that is not what you want.',
    );
  },
  function machine({ platform, seesSystem, guest }) {
    if (guest === null)
      return platform === 'linux' && !seesSystem ? unknown('machine', UNREAD) : null;
    const what = `A ${describeGuest(guest)}`;
    return passed(
      'machine',
      guest.isEmulated
        ? `${what}: times here say nothing of a CPU.`
        : `${what}: times here are also those of its host.`,
    );
  },
  function cpus({ cpus: { available, load } }) {
    const text = `${available} for this process, load ${load.toFixed(1)}.`;
    return load <= BUSY * available
      ? passed('CPUs', text)
      : warned('CPUs', text, 'Timings mean little now: measure when the machine is quiet.');
  },
];

const count = (value: number): string => value.toLocaleString('en');
