// SPDX-License-Identifier: MIT
/**
 * Sequences nobody has thought of: mostly right arguments, so that they get
 * somewhere, some wrong ones, and user stores wherever the kernel looks.
 */
import {
  FLAG_SLICE_AVAILABLE,
  FLAG_SLICE_ENABLED,
  LEGACY_LENGTH,
  SIGNATURE,
  SLICE_LENGTH,
} from '../../../lib/abi/kernel.ts';
import { AREA_SLOTS, Field, call } from './sequence.ts';
import type { Call, Sequence } from './sequence.ts';

const LONGEST = 12;
const SIGNATURES = [SIGNATURE, 0, 0xffffffff];
/** Half of them the one that works. */
const LENGTHS = [LEGACY_LENGTH, ...Array<number>(4).fill(SLICE_LENGTH), 64, 96, 31, 0, 0xffffffff];
const FLAGS = [
  0,
  FLAG_SLICE_AVAILABLE,
  FLAG_SLICE_ENABLED,
  FLAG_SLICE_AVAILABLE | FLAG_SLICE_ENABLED,
  0xffffffff,
];
const WORDS = [0, 1, 2, 3, 0x100, 0x101, 0xffffffff, 77];
const ID_FIELDS = [Field.cpuIdStart, Field.cpuId, Field.nodeId, Field.concurrencyId];

/** The seed to use: the one asked for with RSEQ_SLICE_SEED, or a new one. */
export function chooseSeed(): number {
  const asked = process.env['RSEQ_SLICE_SEED'];
  return asked === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(asked) >>> 0;
}

export function randomSequences(seed: number, count: number): Sequence[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => ({
    name: `seed ${seed} / ${index}`,
    calls: randomCalls(random),
  }));
}

/** Mulberry32: small, and good enough to choose calls with. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  one<T>(choices: readonly [T, ...T[]] | readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  isOneIn(n: number): boolean {
    return this.below(n) === 0;
  }
}

/** What the sequence so far has used, and may not use again. */
interface Progress {
  /** area, bytes behind it, length, signature of the last registration tried. */
  last: readonly [number, number, number, number] | null;
  mayStartThread: boolean;
  isInThread: boolean;
  mayExecute: boolean;
}

function randomCalls(random: Random): Call[] {
  const progress: Progress = {
    last: null,
    mayStartThread: true,
    isInThread: false,
    mayExecute: true,
  };
  const calls: Call[] = [];
  for (let left = 2 + random.below(LONGEST - 1); left > 0; left--)
    calls.push(randomCall(random, progress));
  return calls;
}

function randomCall(random: Random, progress: Progress): Call {
  const { last } = progress;
  if (last === null || random.isOneIn(6)) return rseqCall(random, progress);
  const [area, offset] = last;
  const slot = area * AREA_SLOTS + offset / 4;
  switch (random.below(20)) {
    case 0:
    case 1:
    case 2:
      return call('p', 2, 1, 0, 0);
    case 3:
      return call('p', 2, 0, 0, 0);
    case 4:
      return call(
        'p',
        random.below(4),
        random.one([0, 1, 2, 2 ** 32]),
        random.one([0, 0, 1]),
        random.one([0, 0, 1]),
      );
    case 5:
    case 6:
    case 7:
      return call(
        'w',
        (slot + Field.sliceControl) * 4 + random.one([0, 0, 0, 1, 2, 3]),
        random.one([1, 1, 0, 255]),
      );
    case 8:
      return call('s', slot + Field.sliceControl, random.one(WORDS));
    case 9:
      return call('s', slot + Field.flags, random.one(FLAGS));
    case 10:
      return random.isOneIn(2)
        ? call('s', slot + random.one(ID_FIELDS), random.one([77, 0xffffffff]))
        : call('g');
    case 11:
    case 12:
      return call('y');
    case 13:
    case 14:
    case 15:
      return call('i');
    case 16:
      return call(random.one(['g', 'd', 'z', 'b']));
    case 17:
      return call('m', random.below(2));
    case 18:
      return call('p', 1, 0, 0, 0);
    default:
      return processCall(random, progress);
  }
}

function rseqCall(random: Random, progress: Progress): Call {
  if (progress.last !== null && random.isOneIn(2)) {
    const [area, offset, length, signature] = progress.last;
    const isRight = !random.isOneIn(4);
    return call(
      'r',
      area,
      offset,
      isRight ? length : random.one(LENGTHS),
      random.one([0, 1, 1, 1]),
      isRight ? signature : random.one(SIGNATURES),
    );
  }
  const area = random.below(3);
  const length = random.one(LENGTHS);
  const offset = random.isOneIn(length === LEGACY_LENGTH ? 2 : 12) ? 32 : 0;
  const signature = random.one(SIGNATURES);
  progress.last = [area, offset, length, signature];
  if (random.isOneIn(30)) return call('r', -1, offset, length, 0, signature);
  return call('r', area, offset, length, random.one([0, 0, 0, 0, 2, 2, 3, 4]), signature);
}

/**
 * A thread of a process that may use one CPU only makes the kernel count concurrency IDs by CPU:
 * not after fork and execve.
 */
function processCall(random: Random, progress: Progress): Call {
  const kind = random.below(4);
  if (kind === 0 && progress.mayExecute) {
    Object.assign(progress, {
      mayExecute: false,
      mayStartThread: false,
      isInThread: false,
      last: null,
    });
    return call('e');
  }
  if (progress.isInThread) {
    progress.isInThread = false;
    return call('x');
  }
  if (kind < 3 && progress.mayStartThread) {
    Object.assign(progress, { mayStartThread: false, isInThread: true });
    return call('t');
  }
  progress.mayStartThread = false;
  return call('f');
}
