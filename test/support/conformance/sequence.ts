// SPDX-License-Identifier: MIT
/**
 * A sequence of calls that is run on the model and on Linux: its type and its
 * text, which `test/kernel/guest/conformance.c` reads. What it runs on is not
 * known here.
 */
import { AREA_OFFSETS, GRANTED_BYTE, REQUEST_BYTE } from '../../../lib/abi/kernel.ts';

/**
 * By letter, with the arguments:
 * - `r` rseq(2): area (-1: unmapped memory), bytes behind it, length, flags, signature
 * - `p` prctl(PR_RSEQ_SLICE_EXTENSION): op, arg3, arg4, arg5
 * - `y` rseq_slice_yield; `z` the number it has by the other ABI version
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
export const Field: Readonly<
  Record<'cpuIdStart' | 'cpuId' | 'flags' | 'nodeId' | 'concurrencyId' | 'sliceControl', number>
> = {
  cpuIdStart: AREA_OFFSETS.cpu_id_start / 4,
  cpuId: AREA_OFFSETS.cpu_id / 4,
  flags: AREA_OFFSETS.flags / 4,
  nodeId: AREA_OFFSETS.node_id / 4,
  concurrencyId: AREA_OFFSETS.mm_cid / 4,
  sliceControl: AREA_OFFSETS.slice_ctrl / 4,
};

/** Bytes of area 0's control word. */
export const REQUEST: number = AREA_OFFSETS.slice_ctrl + REQUEST_BYTE;
export const GRANTED: number = AREA_OFFSETS.slice_ctrl + GRANTED_BYTE;

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
