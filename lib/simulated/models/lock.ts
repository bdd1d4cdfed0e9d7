// SPDX-License-Identifier: MIT
/**
 * A lock that blocks, with a section around its holder: the request is made
 * before the lock is taken and withdrawn after it is released, and waiters are
 * woken only then, since a system call inside would end the extension.
 */
import type { AbiVersion } from '../../abi/interface.ts';
import { checkOptions, checkValue, wholeNumber } from '../../options.ts';
import type { OptionChecks } from '../../options.ts';
import { ABI_VERSION, THREADS } from '../checks.ts';
import type { Model, Step } from '../explorer/model.ts';
import { LAYER_REGISTERS, OUTSIDE, section } from './section.ts';

// The lock's word, and what it says.
const LOCK = 0;
const FREE = 0;
const HELD = 1;
const CONTENDED = 2;
/** How many are between acquiring and releasing. */
const INSIDE = 1;

// Registers behind the section's.
const HOLDS = LAYER_REGISTERS;
const MUST_WAKE = LAYER_REGISTERS + 1;
const WAITED = LAYER_REGISTERS + 2;
const ROUND = LAYER_REGISTERS + 3;

/** @param unheld where those go who did not get it */
function critical(unheld: string): Step[] {
  return [
    {
      label: 'try for the lock',
      run(thread) {
        const found = thread.shared[LOCK] ?? FREE;
        // Whoever has waited cannot know whether others still do.
        if (found === FREE) thread.shared[LOCK] = thread.registers[WAITED] === 1 ? CONTENDED : HELD;
        thread.registers[HOLDS] = found === FREE ? 1 : 0;
        return found === FREE ? undefined : unheld;
      },
    },
    {
      label: 'enter the critical part',
      run(thread) {
        thread.shared[INSIDE] = (thread.shared[INSIDE] ?? 0) + 1;
        return undefined;
      },
    },
    {
      label: 'leave the critical part',
      run(thread) {
        thread.shared[INSIDE] = (thread.shared[INSIDE] ?? 0) - 1;
        return undefined;
      },
    },
    {
      label: 'release the lock',
      run(thread) {
        thread.registers[MUST_WAKE] = thread.shared[LOCK] === CONTENDED ? 1 : 0;
        thread.shared[LOCK] = FREE;
        return undefined;
      },
    },
  ];
}

/** How large a model of a lock is. */
export interface LockModelOptions {
  /** How many threads want the lock. Default 2. */
  readonly threads?: number;
  /** 1: they share one. As many as threads: each its own. Default 1. */
  readonly cpus?: number;
  /**
   * How often each thread takes the lock; then it ends, so that one that is never woken shows.
   * Default 2.
   */
  readonly rounds?: number;
}

const CHECKS: OptionChecks<LockModelOptions> = {
  threads: THREADS,
  cpus: THREADS,
  // They are counted in a register.
  rounds: wholeNumber(1, 2 ** 31 - 1),
};

/**
 * A mutex with sections around its holder, to be explored: exclusion, and no wake-up lost.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function lockModel(abiVersion: AbiVersion, options: LockModelOptions = {}): Model {
  checkValue('lockModel()', 'abiVersion', abiVersion, ABI_VERSION);
  checkOptions('lockModel()', options, CHECKS);
  const { threads = 2, cpus = 1, rounds = 2 } = options;
  const leave =
    abiVersion === 'rfc' ? 'section: test and clear' : 'section: look whether still asked';
  const steps: Step[] = [
    OUTSIDE,
    ...section(abiVersion, 'section', 0, critical(leave)),
    {
      label: 'did we hold it?',
      outside: true,
      run: (thread) => (thread.registers[HOLDS] === 1 ? 'must we wake?' : undefined),
    },
    {
      label: 'say that someone waits',
      outside: true,
      run(thread) {
        thread.registers[WAITED] = 1;
        if (thread.shared[LOCK] === FREE) return 'outside';
        thread.shared[LOCK] = CONTENDED;
        return undefined;
      },
    },
    { label: 'wait', outside: true, run: (thread) => thread.wait(LOCK, CONTENDED) ?? 'outside' },
    {
      label: 'must we wake?',
      outside: true,
      run: (thread) => (thread.registers[MUST_WAKE] === 1 ? undefined : 'count'),
    },
    {
      label: 'wake the waiters',
      outside: true,
      run(thread) {
        thread.systemCall();
        thread.wake(LOCK);
        return undefined;
      },
    },
    {
      label: 'count',
      outside: true,
      run(thread) {
        thread.registers[HOLDS] = 0;
        thread.registers[MUST_WAKE] = 0;
        thread.registers[WAITED] = 0;
        const round = (thread.registers[ROUND] ?? 0) + 1;
        thread.registers[ROUND] = round;
        return round < rounds ? 'outside' : undefined;
      },
    },
  ];
  return {
    name: `lock (${abiVersion}, threads ${threads}, CPUs ${cpus}, rounds ${rounds})`,
    abiVersion,
    debug: true,
    shared: 2,
    threads: Array.from({ length: threads }, (_, index) => ({
      cpu: index % cpus,
      registers: LAYER_REGISTERS + 4,
      steps,
    })),
    invariant: ({ shared }) =>
      (shared[INSIDE] ?? 0) > 1 ? 'two threads are in the critical part at once' : null,
  };
}
