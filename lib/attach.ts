// SPDX-License-Identifier: MIT
/**
 * Which kernel serves this thread: reads the options and RSEQ_SLICE, tries
 * Linux, falls back to the simulated kernel where that is allowed. One thread
 * object per thread, which all who attach it share.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { ABI_VERSIONS, REGISTRATIONS } from './abi/interface.ts';
import type { AbiVersion, RegistrationPolicy } from './abi/interface.ts';
import { ATTACH, DETACH } from './channels.ts';
import type { AttachMessage } from './channels.ts';
import { RseqSliceError } from './errors.ts';
import { CONNECT } from './host/port.ts';
import type { Host, HostName, HostOptions, HostThread } from './host/port.ts';
import { currentHost, portableHost } from './host/current.ts';
import { AVAILABLE } from './host/status.ts';
import type { Status } from './host/status.ts';
import { checkOptions, describeValue, oneOf } from './options.ts';
import type { Check, OptionChecks } from './options.ts';
import { openSlot, sumSlots } from './sections/counters.ts';
import type { ProcessStats } from './sections/counters.ts';
import type { SimulatedThread } from './simulated/kernel.ts';
import type { Thread } from './sections/thread.ts';
import { createThread } from './recording/recording-thread.ts';

/** How `attach()` is to attach the calling thread; everything may be left out. */
export interface AttachOptions {
  /**
   * Default `auto`: Linux where it can, else the simulated kernel. `linux`
   * throws where it cannot. RSEQ_SLICE in the environment decides over `auto`.
   * A thread of a `SimulatedKernel`, for tests: that one, whatever else the
   * calling thread is attached to.
   */
  readonly host?: HostName | 'auto' | SimulatedThread;
  /**
   * Default `auto`: libc's area if it can have slices, our own if libc has
   * none, else ours in the place of libc's; but none of ours where a loaded
   * object that uses rseq would be harmed by it. `libc` allows libc's area only.
   * `replace` and `own` are the caller's word that nobody is harmed.
   */
  readonly registration?: RegistrationPolicy;
  /** Default `auto`: found out. */
  readonly abiVersion?: AbiVersion | 'auto';
  /** Default `auto`: mapped where the runtime allows it. `native` uses calls. */
  readonly controlWord?: 'auto' | 'native';
}

/** The options, all there and checked. */
interface Choice extends Required<Omit<AttachOptions, 'host'>> {
  readonly host: HostName | 'auto';
  readonly simulated: SimulatedThread | null;
}

interface Attached {
  readonly thread: Thread;
  readonly status: Status;
  /** Whether its control word is memory that JavaScript reaches. */
  readonly isMapped: boolean;
  readonly options: Choice;
}

const HOST_NAMES = oneOf(['auto', 'linux', 'simulated']);
const HOST: Check = {
  accepts: `${HOST_NAMES.accepts} or a thread of a SimulatedKernel`,
  isGood: (value) => isSimulatedThread(value) || HOST_NAMES.isGood(value),
};
const CHECKS: OptionChecks<AttachOptions> = {
  host: HOST,
  registration: oneOf(REGISTRATIONS),
  abiVersion: oneOf(['auto', ...ABI_VERSIONS]),
  controlWord: oneOf(['auto', 'native']),
};

/** What RSEQ_SLICE can be. */
export const ENVIRONMENT = ['', 'auto', 'linux', 'simulated'] as const;

/**
 * Inherited by workers of a thread that has our area in the place of libc's, and so by those that
 * libc left without one: loading the addon gives it to them, also where nobody attaches.
 */
const REPLACED = 'rseq-slice.replaced';
if (getEnvironmentData(REPLACED) === true) currentHost();

let attached: Attached | undefined;
const publishAttached = (): void => attached?.thread.publish();
process.once('exit', publishAttached);

const attachedSimulated = new WeakMap<SimulatedThread, Thread>();

/**
 * Attaches the calling thread, main or worker. A second call returns the same
 * object, with one more user: each call needs a {@link Thread.detach} of its
 * own, and the last of those really detaches. Whoever attaches for as long as
 * the thread lives, as locks do, never calls it.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`; `ERR_RSEQ_UNAVAILABLE`
 * when Linux is demanded and slices are unavailable; `ERR_RSEQ_ALREADY_ATTACHED`
 * when this thread is attached in another way.
 */
export function attach(options: AttachOptions = {}): Thread {
  const wanted = choose(options);
  if (wanted.simulated !== null) return attachSimulated(wanted.simulated);
  if (attached !== undefined) {
    assertCompatible(attached, wanted, options);
    attached.thread.retain();
    return attached.thread;
  }
  const [hostThread, status] = chooseHost(wanted);
  const { host, registration, abiVersion } = hostThread;
  const message: AttachMessage = { host, registration, abiVersion, reason: status.reason };
  const thread = createThread(
    hostThread,
    () => {
      attached = undefined;
      if (registration === 'replace') setEnvironmentData(REPLACED, undefined);
      DETACH.publish(message);
    },
    openSlot,
  );
  if (registration === 'replace') setEnvironmentData(REPLACED, true);
  attached = { thread, status, isMapped: hostThread.controlWord !== null, options: wanted };
  ATTACH.publish(message);
  return thread;
}

function attachSimulated(simulated: SimulatedThread): Thread {
  const present = attachedSimulated.get(simulated);
  if (present !== undefined) {
    present.retain();
    return present;
  }
  const thread = createThread(simulated[CONNECT](), () => attachedSimulated.delete(simulated));
  attachedSimulated.set(simulated, thread);
  return thread;
}

/** The calling thread's attachment, for `probe`. */
export function currentAttachment(): Pick<Attached, 'thread' | 'status' | 'isMapped'> | undefined {
  return attached;
}

/**
 * The counters of all threads that `attach()` has attached in this process, also
 * of those that have ended; not of threads of a `SimulatedKernel`. Other threads'
 * are as they were when a section of theirs was disturbed last, so disturbed
 * sections are all there, and undisturbed and nested ones since then are not.
 * What a thread did is all there when it was detached or has ended by itself. The
 * calling thread's are exact. No counter ever goes back.
 */
export function processStats(): ProcessStats {
  publishAttached();
  return sumSlots();
}

/** RSEQ_SLICE, checked. */
export function environmentChoice(): (typeof ENVIRONMENT)[number] {
  const value = process.env['RSEQ_SLICE'] ?? '';
  const choice = ENVIRONMENT.find((known) => known === value);
  if (choice === undefined) {
    throw new RseqSliceError(
      'ERR_RSEQ_INVALID_OPTION',
      `RSEQ_SLICE=${value} in the environment has no meaning: use auto, linux or simulated.`,
    );
  }
  return choice;
}

function choose(options: AttachOptions): Choice {
  checkOptions('attach()', options, CHECKS);
  const simulated = isSimulatedThread(options.host) ? options.host : null;
  if (simulated !== null) assertAlone(simulated, options);
  let host = isSimulatedThread(options.host) ? 'simulated' : (options.host ?? 'auto');
  const environment = environmentChoice();
  if (host === 'auto') {
    host = environment === '' ? 'auto' : environment;
  }
  return {
    simulated,
    host,
    registration: options.registration ?? 'auto',
    abiVersion: options.abiVersion ?? 'auto',
    controlWord: options.controlWord ?? 'auto',
  };
}

/** A simulated thread has all its properties from its kernel. */
function assertAlone(simulated: SimulatedThread, options: AttachOptions): void {
  for (const name of Object.keys(CHECKS) as (keyof AttachOptions)[]) {
    const value = options[name];
    if (
      name === 'host' ||
      value === undefined ||
      value === 'auto' ||
      value === simulated.abiVersion
    )
      continue;
    throw new RseqSliceError(
      'ERR_RSEQ_INVALID_OPTION',
      `attach() cannot have ${name}: ${describeValue(value)} with a simulated thread, whose kernel decides that.`,
    );
  }
}

/** What was asked for in so many words must be what the thread has. */
function assertCompatible(present: Attached, wanted: Choice, given: AttachOptions): void {
  const { thread } = present;
  const clashes: string[] = [];
  if (wanted.host !== 'auto' && wanted.host !== thread.host) {
    clashes.push(`host '${wanted.host}', not '${thread.host}'`);
  }
  if (wanted.abiVersion !== 'auto' && wanted.abiVersion !== thread.abiVersion) {
    clashes.push(`abiVersion '${wanted.abiVersion}', not '${thread.abiVersion}'`);
  }
  if (
    thread.host === 'linux' &&
    wanted.registration !== 'auto' &&
    wanted.registration !== thread.registration
  ) {
    clashes.push(`registration '${wanted.registration}', not '${thread.registration}'`);
  }
  if (given.controlWord !== undefined && given.controlWord !== present.options.controlWord) {
    clashes.push(`controlWord '${given.controlWord}', not '${present.options.controlWord}'`);
  }
  if (clashes.length > 0) {
    throw new RseqSliceError(
      'ERR_RSEQ_ALREADY_ATTACHED',
      `This thread is already attached with other options: asked for ${clashes.join('; ')}. ` +
        'Ask for the options it has, or let every component that attached it detach first.',
    );
  }
}

function chooseHost(choice: Choice): [HostThread, Status] {
  const options: HostOptions = {
    registration: choice.registration,
    abiVersion: choice.abiVersion,
    mapped: choice.controlWord === 'auto',
  };
  const simulate = (): HostThread => attachTo(portableHost(), options);
  if (choice.host === 'simulated') return [simulate(), AVAILABLE];
  const host = currentHost();
  const result = host.status.reason === 'available' ? host.attach(options) : host.status;
  if (!('reason' in result)) return [result, AVAILABLE];
  if (choice.host === 'auto') return [simulate(), result];
  throw unavailable(result);
}

/** To a host that attaches every thread. */
function attachTo(host: Host, options: HostOptions): HostThread {
  const result = host.attach(options);
  if ('reason' in result) throw unavailable(result);
  return result;
}

function unavailable({ explanation, remedy, errno, syscall }: Status): RseqSliceError {
  return new RseqSliceError(
    'ERR_RSEQ_UNAVAILABLE',
    `No time slice extensions for this thread. ${explanation} ${remedy}`,
    {
      ...(errno === undefined ? {} : { errno }),
      ...(syscall === undefined ? {} : { syscall }),
    },
  );
}

/** Of whichever copy of this package: its class is not needed, and is not loaded for it. */
function isSimulatedThread(value: unknown): value is SimulatedThread {
  return (
    typeof value === 'object' &&
    value !== null &&
    CONNECT in value &&
    typeof value[CONNECT] === 'function'
  );
}
