// SPDX-License-Identifier: MIT
// Runs one command in a guest with the rseq time slice extension: the host's files read-only, one
// folder to write to, output and exit code as if it had run here. This is the policy; the mechanism
// is in the files next to it.

import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  closeSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../kernel/cache.mjs';
import { ensureKernel } from '../kernel/ensure-kernel.mjs';
import { acceleratorsToTry, kvmPresent, readVerdict, writeVerdict } from './accelerator.mjs';
import { describeSplats, scanConsole } from './console.mjs';
import { HarnessError } from './errors.mjs';
import { readConsole, runGuestProcess } from './guest-process.mjs';
import {
  commandLineScript,
  coveredPaths,
  guestEnvironment,
  jobScript,
  withoutNpx,
} from './job-script.mjs';
import { ensurePackages } from './packages.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

/**
 * Where the library is whose command line the guest gets: the one beside this package, else that of
 * the folder the command starts in.
 * @param {string} cwd
 * @returns {string | null}
 */
function findLibrary(cwd) {
  for (const from of [import.meta.url, join(cwd, 'package.json')]) {
    try {
      return dirname(createRequire(from).resolve('rseq-slice/package.json'));
    } catch {
      // Not installed there.
    }
  }
  return null;
}

/** A KVM that works prints at once; emulation on a busy machine takes its time. */
const FIRST_BYTE_SECONDS = { kvm: 5, tcg: 60 };
const INIT_SECONDS = 120;

/**
 * @typedef {object} RunOptions
 * @property {readonly string[]} command program and arguments, no shell
 * @property {Readonly<Record<string, string>>} [env] on top of PATH, HOME and the like
 * @property {string} [cwd] default the caller's
 * @property {import('./accelerator.mjs').AcceleratorChoice} [accelerator] default 'auto'
 * @property {number} [cpus] default 2; 1 with icount. A guest with more or fewer is a failure
 * @property {number} [memory] MB, default 2048
 * @property {boolean | 'emulated'} [icount] default false: guest time by the wall clock.
 * 'emulated': it counts instructions where the guest is emulated, and goes by the clock under KVM
 * @property {boolean} [roundRobin] default false: a thread for each emulated CPU. Real ones are not
 * concerned
 * @property {string} [append] extra kernel command line, for example 'rseq_debug=1'
 * @property {number} [extension] ns, written to debugfs rseq/slice_ext_nsec before the command
 * starts
 * @property {number} [timeout] seconds for the whole guest, boot included; default 600
 * @property {string} [root] host folder that becomes the guest's /; default '/'
 * @property {string} [kernel] a bzImage; default the one of `flavour` from the cache, built when
 * missing
 * @property {string} [flavour] default 'mainline'
 * @property {string} [source] tarball or tree that it is built from; default Debian's source
 * package
 * @property {string} [job] host folder that the guest sees as /run/job and may write to; default a
 * temporary one
 * @property {string} [console] file for the guest's console; default a temporary one
 * @property {boolean} [allowSplats] default false: BUG, WARNING and the like on the console reject
 * @property {boolean} [capture] default true: keep the output for the result; false when the
 * callbacks are enough
 * @property {(chunk: Buffer) => void} [onStdout]
 * @property {(chunk: Buffer) => void} [onStderr]
 * @property {(message: string) => void} [say] remarks of the harness; default a line on stderr
 * @property {(phase: import('./guest-process.mjs').Phase) => void} [onPhase] how far the guest is
 * @property
 * {(machine: Pick<import('./qemu.mjs').Machine, 'accelerator' | 'cpus' | 'icount'>,
 *   kernel: string) => void}
 * [onStart] a guest is about to boot
 * @property {AbortSignal} [signal] kills the guest
 * @property {import('./guest-process.mjs').Terminal} [terminal] the command is on it, and has no
 * other streams
 */

/**
 * @typedef {object} RunResult
 * @property {number} exitCode of the command; 128 + n when signal n killed it
 * @property {number | null} signal number of the signal that killed the command
 * @property {string} stdout as UTF-8
 * @property {string} stderr as UTF-8
 * @property {Buffer} stdoutBytes
 * @property {Buffer} stderrBytes
 * @property {string} console
 * @property {import('./qemu.mjs').Accelerator} accelerator
 * @property {number} seconds
 */

/**
 * Runs a command in a guest. Resolves whatever the command's exit code; rejects with a HarnessError
 * when the guest itself failed: did not boot, died, passed a deadline, complained on its console.
 * @param {RunOptions} options
 * @returns {Promise<RunResult>}
 */
export async function runInGuest(options) {
  const started = Date.now();
  const say = options.say ?? ((message) => void process.stderr.write(`vm: ${message}\n`));
  const cache = cacheDirectory();
  const kernel = await prepare(options, say);
  const choice = options.accelerator ?? 'auto';
  const isCounted = (/** @type {import('./qemu.mjs').Accelerator} */ accelerator) =>
    options.icount === true || (options.icount === 'emulated' && accelerator === 'tcg');
  const circumstances = {
    icount: options.icount === true,
    present: kvmPresent(),
    verdict: readVerdict(cache),
  };
  const accelerators = acceleratorsToTry(choice, circumstances);

  // Under the real path: what is bound into the guest must not depend on the host's links.
  const work = mkdtempSync(join(realpathSync(tmpdir()), 'rseq-slice-vm-'));
  const clean = () => rmSync(work, { recursive: true, force: true });
  process.once('exit', clean);
  try {
    /** @type {HarnessError | undefined} */
    let kvmFailure;
    for (const accelerator of accelerators) {
      let booted = false;
      const onFirstByte = () => {
        booted = true;
        // Only now is it known that the kernel image was not to blame for KVM's silence.
        if (kvmFailure !== undefined) writeVerdict(cache, false, kvmFailure.summary);
        else if (accelerator === 'kvm') writeVerdict(cache, true, 'a guest printed');
      };
      try {
        const icount = isCounted(accelerator);
        const cpus = icount ? 1 : (options.cpus ?? 2);
        options.onStart?.({ accelerator, cpus, icount }, kernel.name);
        return await attempt(options, {
          machine: { accelerator, cpus, icount },
          kernel: kernel.image,
          work,
          started,
          onFirstByte,
          say,
        });
      } catch (error) {
        const another = accelerator === 'kvm' && accelerators.length > 1;
        if (!another || booted || !(error instanceof HarnessError) || error.kind !== 'boot')
          throw error;
        kvmFailure = error;
        say(`KVM does not work on this host. ${error.summary}`);
      }
    }
    throw new HarnessError('setup', 'There was no accelerator to try.');
  } finally {
    process.removeListener('exit', clean);
    clean();
  }
}

/**
 * Checks what can be checked before a guest starts, and gives the kernel image.
 * @param {RunOptions} options
 * @param {(message: string) => void} say
 * @returns {Promise<{ image: string, name: string }>} the name is for people
 */
async function prepare(options, say) {
  if (options.command.length === 0)
    throw new HarnessError('setup', 'There is no command to run in the guest.');
  if (
    options.icount !== undefined &&
    options.icount !== false &&
    options.cpus !== undefined &&
    options.cpus !== 1
  ) {
    throw new HarnessError(
      'setup',
      `A guest whose time counts instructions has one CPU, not ${options.cpus}.`,
    );
  }
  try {
    // Before anything is installed for it.
    if (options.kernel !== undefined) checkImage(options.kernel);
    ensurePackages(['run'], say);
    const { image, name } =
      options.kernel === undefined
        ? await cachedKernel(options, say)
        : { image: options.kernel, name: options.kernel };
    return { image: resolve(image), name };
  } catch (error) {
    if (error instanceof HarnessError) throw error;
    throw new HarnessError('setup', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** @param {RunOptions} options @param {(message: string) => void} say */
async function cachedKernel({ flavour: wanted, source }, say) {
  const { image, version, flavour } = await ensureKernel({
    ...(wanted === undefined ? {} : { flavour: wanted }),
    ...(source === undefined ? {} : { source }),
    say,
  });
  checkImage(image);
  return { image, name: `Linux ${version} (${flavour})` };
}

/**
 * An x86 kernel image has 'HdrS' at a fixed place. QEMU boots anything, and the failure would come
 * minutes later.
 * @param {string} image
 * @returns {void}
 */
function checkImage(image) {
  if (statSync(image, { throwIfNoEntry: false })?.isFile() !== true)
    throw new HarnessError('setup', `There is no kernel image at ${image}.`);
  const file = openSync(image, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0x202);
    if (magic.toString('latin1') !== 'HdrS') {
      throw new HarnessError(
        'setup',
        `${image} is not an x86 kernel image (bzImage). Build one with 'npx rseq-slice-vm kernel', or pass another with --kernel.`,
      );
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Puts the guest's init and this job's part of it into a folder the guest mounts.
 * @param {RunOptions} options
 * @param {{ folder: string, marker: string, cpus: number }} where
 * @returns {void}
 */
function writeHarness(options, { folder, marker, cpus }) {
  const root = resolve(options.root ?? '/');
  const sameRoot = root === '/';
  const cwd = options.cwd === undefined ? (sameRoot ? process.cwd() : '/') : resolve(options.cwd);
  mkdirSync(folder, { recursive: true });
  for (const script of ['init.sh', 'cpus.sh'])
    copyFileSync(join(HERE, script), join(folder, script));
  const env = guestEnvironment(process.env, options.env ?? {}, { sameRoot });
  const library = findLibrary(cwd);
  const visible = sameRoot ? coveredPaths(library === null ? [cwd] : [cwd, library]) : [];
  // It is there already where another accelerator was tried first.
  mkdirSync(join(folder, 'bin'), { recursive: true });
  if (library !== null)
    writeFileSync(join(folder, 'bin/rseq-slice'), commandLineScript(library), { mode: 0o755 });
  const job = {
    command: withoutNpx(options.command, sameRoot && cwd === library),
    env,
    cwd,
    visible,
    marker,
    cpus,
    extension: options.extension ?? null,
    terminal: options.terminal?.size() ?? null,
  };
  writeFileSync(join(folder, 'job.sh'), jobScript(job));
}

/**
 * One boot under one accelerator.
 * @param {RunOptions} options
 * @param {object} context
 * @param {Pick<import('./qemu.mjs').Machine, 'accelerator' | 'cpus' | 'icount'>} context.machine
 * @param {string} context.kernel
 * @param {string} context.work
 * @param {number} context.started
 * @param {() => void} context.onFirstByte
 * @param {(message: string) => void} context.say
 * @returns {Promise<RunResult>}
 */
async function attempt(options, { machine, kernel, work, started, onFirstByte, say }) {
  const { accelerator, cpus } = machine;
  // Its first characters are rare in output, so that hardly anything is ever held back while it is
  // live.
  const marker = `\x01\x02end of stream ${randomBytes(16).toString('hex')}`;
  const harness = join(work, 'harness');
  const job = options.job === undefined ? join(work, 'job') : resolve(options.job);
  const consoleFile =
    options.console === undefined ? join(work, 'console') : resolve(options.console);
  try {
    writeHarness(options, { folder: harness, marker, cpus });
    mkdirSync(job, { recursive: true });
    writeFileSync(consoleFile, '');
  } catch (error) {
    throw new HarnessError(
      'setup',
      `The guest cannot be prepared: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  /** @type {{ stdout: Buffer[], stderr: Buffer[] }} */
  const kept = { stdout: [], stderr: [] };
  const outcome = await runGuestProcess({
    machine: {
      ...machine,
      memory: options.memory ?? 2048,
      roundRobin: options.roundRobin === true,
      kernel,
      append: options.append ?? '',
      root: resolve(options.root ?? '/'),
      harness,
      job,
      console: consoleFile,
      privileged: process.getuid?.() === 0,
      terminal: options.terminal !== undefined,
    },
    marker,
    deadlines: {
      firstByte: FIRST_BYTE_SECONDS[accelerator],
      init: INIT_SECONDS,
      total: options.timeout ?? 600,
    },
    onStdout(chunk) {
      if (options.capture !== false) kept.stdout.push(chunk);
      options.onStdout?.(chunk);
    },
    onStderr(chunk) {
      if (options.capture !== false) kept.stderr.push(chunk);
      options.onStderr?.(chunk);
    },
    onFirstByte,
    onPhase: options.onPhase,
    signal: options.signal,
    terminal: options.terminal,
  });
  const text = readConsole(consoleFile);
  const splats = scanConsole(text);
  if (splats.length > 0 && options.allowSplats !== true)
    throw new HarnessError('splat', describeSplats(splats), { console: text });
  if (splats.length > 0)
    say(`accepted ${splats.length} complaints of the guest's kernel (--allow-splats)`);
  const [stdoutBytes, stderrBytes] = [Buffer.concat(kept.stdout), Buffer.concat(kept.stderr)];
  return {
    ...outcome,
    stdout: stdoutBytes.toString('utf8'),
    stderr: stderrBytes.toString('utf8'),
    stdoutBytes,
    stderrBytes,
    console: text,
    accelerator,
    seconds: (Date.now() - started) / 1000,
  };
}
