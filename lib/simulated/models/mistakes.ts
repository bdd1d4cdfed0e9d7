// SPDX-License-Identifier: MIT
/**
 * Ways to use slice extensions wrongly that look right. Each is found by the
 * explorer; they are here to be read, run and pointed at, and to keep the
 * explorer honest.
 */
import { GRANTED_BIT, REQUEST_BIT, GRANTED_BYTE, REQUEST_BYTE } from '../../abi/kernel.ts';
import type { Model, Step } from '../explorer/model.ts';
import { OUTSIDE, section, LAYER_REGISTERS } from './section.ts';

const WORK: Step = { label: 'work', run: () => undefined };
const AGAIN: Step = { label: 'again', outside: true, run: () => 'outside' };

/**
 * `rfc`: the request is taken back by a load, an `and` and a store, as C and
 * JavaScript do without an atomic. A grant between the load and the store is
 * wiped out of the word, the thread does not yield, and its next system call
 * kills it.
 */
export const readModifyWrite: Model = {
  name: 'plain read-modify-write (rfc)',
  abiVersion: 'rfc',
  debug: true,
  threads: [
    {
      registers: 1,
      steps: [
        {
          label: 'ask',
          run(thread) {
            thread.word[0] = REQUEST_BIT;
            return undefined;
          },
        },
        WORK,
        {
          label: 'load the word',
          run(thread) {
            thread.registers[0] = thread.word[0] ?? 0;
            return undefined;
          },
        },
        {
          label: 'store it without the request',
          run(thread) {
            thread.word[0] = (thread.registers[0] ?? 0) & ~REQUEST_BIT;
            return undefined;
          },
        },
        {
          label: 'yield if granted',
          run(thread) {
            if (((thread.word[0] ?? 0) & GRANTED_BIT) !== 0) thread.yieldSlice();
            return undefined;
          },
        },
        {
          label: 'make a system call',
          run(thread) {
            thread.systemCall();
            return undefined;
          },
        },
      ],
    },
  ],
};

/**
 * Bytes: the grant is looked at before the request is withdrawn. A grant between the two is never
 * given back.
 */
export const grantedFirst: Model = {
  name: 'grant looked at before the request is withdrawn (mainline)',
  abiVersion: 'mainline',
  debug: true,
  threads: [
    {
      steps: [
        OUTSIDE,
        {
          label: 'ask',
          run(thread) {
            thread.bytes[REQUEST_BYTE] = 1;
            return undefined;
          },
        },
        WORK,
        {
          label: 'look for a grant',
          run: (thread) => (thread.bytes[GRANTED_BYTE] === 0 ? 'withdraw' : undefined),
        },
        {
          label: 'yield',
          run(thread) {
            thread.yieldSlice();
            return undefined;
          },
        },
        {
          label: 'withdraw',
          run(thread) {
            thread.bytes[REQUEST_BYTE] = 0;
            return undefined;
          },
        },
        AGAIN,
      ],
    },
  ],
};

const LOCK = 0;

/**
 * A lock is released, and its waiters woken, inside the section: the CPU is given up before anybody
 * is woken.
 */
export const wakeInsideGrant: Model = {
  name: 'waiters woken inside the section (mainline)',
  abiVersion: 'mainline',
  debug: true,
  shared: 1,
  threads: [
    {
      registers: LAYER_REGISTERS,
      steps: section('mainline', 'holder', 0, [
        {
          label: 'release the lock',
          run(thread) {
            thread.shared[LOCK] = 0;
            return undefined;
          },
        },
        {
          label: 'call futex',
          run(thread) {
            thread.systemCall();
            return undefined;
          },
        },
        {
          label: 'wake the waiters',
          run(thread) {
            thread.wake(LOCK);
            return undefined;
          },
        },
      ]),
    },
  ],
};

/** What the next owner of the memory keeps in it. */
const THEIRS = 0x5a;
const SLICE_CTRL_SLOT = 7;

/**
 * The area's memory is freed, and used by someone else, while the kernel still knows it as the
 * thread's.
 */
export const freedWhileRegistered: Model = {
  name: 'memory freed while it is registered (mainline)',
  abiVersion: 'mainline',
  debug: true,
  threads: [
    {
      registers: 1,
      steps: [
        WORK,
        {
          label: 'free the memory, which someone else uses now',
          run(thread) {
            thread.area[SLICE_CTRL_SLOT] = THEIRS;
            thread.registers[0] = 1;
            return undefined;
          },
        },
        { label: 'go on', run: () => 'go on' },
      ],
    },
  ],
  invariant({ threads }) {
    const [thread] = threads;
    const isFreed = thread?.registers[0] === 1;
    return isFreed && thread.area[SLICE_CTRL_SLOT] !== THEIRS
      ? "the kernel wrote to memory that is no longer the thread's"
      : null;
  },
};

/** The four of them, each broken in a way that `explore` finds. */
export const MISTAKES: readonly Model[] = [
  readModifyWrite,
  grantedFirst,
  wakeInsideGrant,
  freedWhileRegistered,
];
