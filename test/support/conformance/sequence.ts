// SPDX-License-Identifier: MIT
/**
 * A sequence of calls that is run on the model and on Linux: its type and its
 * text, which `test/kernel/guest/conformance.c` reads. What it runs on is not
 * known here.
 */

/**
 * By letter, with the arguments:
 * - `r` rseq(2): area (-1: unmapped memory), bytes behind it, length, flags, signature
 * - `p` prctl(PR_RSEQ_SLICE_EXTENSION): op, arg3, arg4, arg5
 * - `y` rseq_slice_yield; `z` the number it has in the other dialect
 * - `g` a system call that does nothing; `d` sched_yield; `b` one that blocks
 * - `w` a byte of user memory: its index from area 0 on, value; `s` the same for 32 bits
 * - `i` preempted by an interrupt; `m` moved to a CPU, 0 or 1
 * - `f` fork, going on in the child; `e` execve of the same program
 * - `t` going on in a new thread; `x` the end of it, back in the one that started it
 */
export type Letter =
  'r' | 'p' | 'y' | 'z' | 'g' | 'd' | 'b' | 'w' | 's' | 'i' | 'm' | 'f' | 'e' | 't' | 'x';

export interface Call {
  readonly what: Letter;
  readonly args: readonly number[];
}

export interface Sequence {
  /** Where it comes from: the row of the table, or seed and number. */
  readonly name: string;
  readonly calls: readonly Call[];
}

export const AREAS = 3;
export const AREA_BYTES = 64;
/** 32-bit words of one area. */
export const AREA_SLOTS: number = AREA_BYTES / 4;

/** Fields of `struct rseq`, as 32-bit slots. */
export const Field = {
  cpuIdStart: 0,
  cpuId: 1,
  flags: 4,
  nodeId: 5,
  concurrencyId: 6,
  sliceControl: 7,
} as const;

/** Bytes of area 0's control word. */
export const REQUEST: number = Field.sliceControl * 4;
export const GRANTED: number = REQUEST + 1;

export function call(what: Letter, ...args: readonly number[]): Call {
  return { what, args };
}

export function formatCalls(calls: readonly Call[]): string {
  return calls.map(({ what, args }) => [what, ...args].join(',')).join(' ');
}

export function parseCalls(text: string): Call[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [what = '', ...args] = word.split(',');
      if (!/^[rpyzgdbwsimfetx]$/.test(what) || args.some((arg) => !/^-?\d+$/.test(arg)))
        throw new Error(`'${word}' is no call.`);
      return { what: what as Letter, args: args.map(Number) };
    });
}
