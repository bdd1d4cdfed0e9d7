// SPDX-License-Identifier: MIT
// The command line of `rseq-slice-vm`: its options, its help, and what they mean to runInGuest.

import { parseArgs } from 'node:util';
import { FLAVOURS } from '../kernel/flavours.mjs';
import { ExitCode } from './errors.mjs';

export const HELP = `Runs a command in a virtual machine whose kernel has the rseq time slice extension.

  rseq-slice-vm [options] [--] COMMAND [ARGUMENT…]
  rseq-slice-vm --shell [options] [[--] COMMAND …]   a shell, or the command, on this terminal
  rseq-slice-vm kernel [options]                     makes a kernel: rseq-slice-vm kernel --help
  rseq-slice-vm doctor                               says what of QEMU, KVM and kernels is there, and what to do

The guest sees this machine's files read-only at their own paths, as root, and starts in the current folder. /tmp, /run and
/dev/shm are its own and empty. It can write to /run/job (in $RSEQ_SLICE_JOB), which is a folder of the host.
In a checkout, rseq-slice and npx rseq-slice are the checkout's.
Output and exit code are those of the command. Without --shell it has no standard input. RSEQ_SLICE_GUEST is 1 in it. Progress is reported on
stderr, in lines that begin with 'vm:', until the command prints something.

What runs it
  --accelerator X    auto: KVM if it works here, else emulation (TCG). kvm: KVM or fail. tcg: emulation  (auto)
  --cpus N           virtual CPUs, 1 to 64: the guest has that many, or the command is not run  (2)
  --memory MB        (2048)
  --icount           guest time counts instructions: 5 us are 5,000 of them however busy the host is. One CPU, TCG.
                     The demonstration (rseq-slice demo) does that by default without KVM, unless --cpus is given
  --round-robin      emulated CPUs take turns on one thread: for anything that makes the kernel patch its own code, such as
                     tracing, with a QEMU that gets confused by that (7.2 does)
  --kernel FILE      another bzImage
  --flavour NAME     kernel of this flavour from the cache, built first when missing: ${[...FLAVOURS.keys()].join(', ')}
  --source PATH      build that kernel from this tarball or source tree, of 7.0 or newer  (Debian's source package)
  --append 'A=B …'   more kernel command line: 'rseq_debug=1', 'rseq_slice_ext=0', …
  --extension NS     length of a slice extension, 5000 to 50000; written to debugfs before the command starts
What it sees
  --shell            this terminal: the command can be a debugger, a REPL or a test runner that watches. Ctrl-] ends the guest
  --root DIR         another root file system (it needs sh, mount, cat, mkfifo, setsid); the command then starts in /
  --cwd DIR          start there instead of in the current folder
  --env NAME=VALUE   set a variable; may be repeated
  --env NAME         pass the host's value on; may be repeated
  --job DIR          the folder behind /run/job  (a temporary one, removed afterwards)
What to do with it
  --timeout SECONDS  for the whole guest, boot included  (600; with --shell none)
  --console FILE     keep the guest's console there
  --quiet            report only what went wrong
  --allow-splats     do not fail over BUG, WARNING, stalls and the like on the console
  --help             this text

Exit codes: the command's own; 128 + n when signal n killed it (said on stderr); ${ExitCode.harness} the guest failed; ${ExitCode.timeout} the timeout
passed; ${ExitCode.usage} usage error; ${ExitCode.interrupted} interrupted. Without an exit code from the guest it is never 0.

  rseq-slice-vm -- node -e 'process.exit(7)'
  rseq-slice-vm --extension 50000 -- sh -c 'cat /sys/kernel/debug/rseq/stats'
`;

/** The command line is wrong; the message says what it should be. */
export class UsageError extends Error {}

/**
 * @param {string} name
 * @param {string | undefined} value
 * @param {{ min: number, max?: number, fraction?: boolean }} range
 * @returns {number | undefined}
 */
function numberOption(name, value, { min, max = Infinity, fraction = false }) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (
    value.trim() === '' ||
    !(number >= min && number <= max) ||
    !(fraction || Number.isInteger(number))
  ) {
    throw new UsageError(
      `--${name} wants a number${fraction ? '' : ' without fraction'} from ${min}${max === Infinity ? ' up' : ` to ${max}`}, not '${value}'.`,
    );
  }
  return number;
}

/**
 * @param {readonly string[]} settings NAME=VALUE or NAME
 * @param {Readonly<Record<string, string | undefined>>} host
 * @returns {Record<string, string>}
 */
export function readEnvironment(settings, host) {
  /** @type {Record<string, string>} */
  const env = {};
  for (const setting of settings) {
    const [, name, , value] = /^([A-Za-z_][A-Za-z0-9_]*)(=([\s\S]*))?$/.exec(setting) ?? [];
    if (name === undefined)
      throw new UsageError(`--env wants NAME=VALUE or NAME, not '${setting}'.`);
    const chosen = value ?? host[name];
    if (chosen !== undefined) env[name] = chosen;
  }
  return env;
}

/**
 * Emulated CPUs stand still for longer than an extension lasts, so a demonstration of extensions
 * would show none.
 * @param {readonly string[]} command
 * @returns {boolean}
 */
function isDemonstration(command) {
  return /^npm (run )?start\b|^npm run cli (-- )?demo\b|^(npx )?rseq-slice(-tools)? demo\b|^node \S*dist\/cli\/main\.js demo\b/.test(
    command.join(' '),
  );
}

/**
 * @typedef {import('./run-in-guest.mjs').RunOptions & { quiet: boolean, shell: boolean }} VmOptions
 */

/** A week and more: someone sits there. */
const NO_TIMEOUT = 2_000_000;

/** The user's own, where the guest has it. @param {string | undefined} root */
const shellFor = (root) => [(root === undefined ? process.env['SHELL'] : undefined) ?? '/bin/sh'];

/** @param {readonly string[]} args @returns {VmOptions | null} null for --help */
export function readOptions(args) {
  const [own, command] = splitCommand(args);
  const values = parse(own);
  if (values.help === true) return null;
  const shell = values.shell === true;
  if (command.length === 0 && !shell)
    throw new UsageError('There is no command. Write it after --, for example: -- node --version');
  const accelerator = values.accelerator ?? 'auto';
  if (accelerator !== 'auto' && accelerator !== 'kvm' && accelerator !== 'tcg') {
    throw new UsageError(`--accelerator is auto, kvm or tcg, not '${accelerator}'.`);
  }
  if (values.icount === true && accelerator === 'kvm')
    throw new UsageError('--icount is emulation; it does not go with --accelerator kvm.');
  if (values.flavour !== undefined && !FLAVOURS.has(values.flavour)) {
    throw new UsageError(
      `No kernel flavour is called '${values.flavour}'. There is: ${[...FLAVOURS.keys()].join(', ')}.`,
    );
  }
  if (values.source !== undefined && values.kernel !== undefined)
    throw new UsageError(
      '--source is what a kernel is built from, and --kernel is one that is built: leave one of them out.',
    );
  const cpus = numberOption('cpus', values.cpus, { min: 1, max: 64 });
  if (values.icount === true && cpus !== undefined && cpus !== 1)
    throw new UsageError('--icount has one CPU; leave --cpus out.');
  const memory = numberOption('memory', values.memory, { min: 128 });
  const extension = numberOption('extension', values.extension, { min: 5000, max: 50000 });
  const timeout = numberOption('timeout', values.timeout, {
    min: 0.001,
    max: 2_000_000,
    fraction: true,
  });
  /** @type {VmOptions} */
  const options = {
    command: command.length > 0 ? command : shellFor(values.root),
    shell,
    env: readEnvironment(values.env ?? [], process.env),
    accelerator,
    quiet: values.quiet === true,
  };
  if (cpus !== undefined) options.cpus = cpus;
  if (memory !== undefined) options.memory = memory;
  if (extension !== undefined) options.extension = extension;
  if (timeout !== undefined) options.timeout = timeout;
  else if (shell) options.timeout = NO_TIMEOUT;
  if (values.icount === true) options.icount = true;
  else if (cpus === undefined && isDemonstration(command)) options.icount = 'emulated';
  if (values['round-robin'] === true) options.roundRobin = true;
  if (values['allow-splats'] === true) options.allowSplats = true;
  for (const name of /** @type {const} */ ([
    'append',
    'cwd',
    'root',
    'kernel',
    'flavour',
    'source',
    'job',
    'console',
  ])) {
    const value = values[name];
    if (value !== undefined) options[name] = value;
  }
  return options;
}

const text = /** @type {const} */ ({ type: 'string' });
const flag = /** @type {const} */ ({ type: 'boolean' });
const OPTIONS = {
  ...{
    accelerator: text,
    cpus: text,
    memory: text,
    icount: flag,
    'round-robin': flag,
    kernel: text,
    flavour: text,
    source: text,
    append: text,
  },
  ...{
    shell: flag,
    extension: text,
    root: text,
    cwd: text,
    job: text,
    timeout: text,
    console: text,
  },
  ...{
    env: { ...text, multiple: /** @type {const} */ (true) },
    'allow-splats': flag,
    quiet: flag,
    help: flag,
  },
};

/**
 * Where our options end and the command begins: at the first word that is neither an option nor an
 * option's value, so that `npm run vm -- node -e 1`, of which npm takes the `--` away, means what
 * it says. A `--` ends our options for certain.
 * @param {readonly string[]} args
 * @returns {[string[], string[]]} our options, the command
 */
export function splitCommand(args) {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') return [args.slice(0, at), args.slice(at + 1)];
    if (!word.startsWith('-')) return [args.slice(0, at), args.slice(at)];
    const option = /** @type {Readonly<Record<string, { type: string }>>} */ (OPTIONS)[
      word.slice(2)
    ];
    if (option?.type === 'string') at += 1;
  }
  return [[...args], []];
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(
      (error instanceof Error ? error.message : String(error)).replace(/\.?$/, '.'),
    );
  }
}
