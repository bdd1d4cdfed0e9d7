// SPDX-License-Identifier: MIT
/**
 * A section that nothing disturbs makes no system call: seen from outside, by
 * strace. What Node does for the same loop without sections is not held against
 * it, and each section the kernel did disturb may make the one call it owes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { NR_SLICE_YIELD, NR_SLICE_YIELD_RFC } from '../../lib/abi/kernel.ts';
import { callsBetweenMarkers, whyNoStrace } from '../support/strace.ts';
import { share } from '../support/share.ts';

const program = fileURLToPath(new URL('programs/undisturbed.mjs', import.meta.url));

interface Report {
  readonly host: string;
  readonly optimized: boolean;
  readonly entered: number;
  readonly disturbed: number;
}

function trace(
  where: string,
  body: string,
  controlWord: string,
): Report & { readonly calls: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-strace-'));
  try {
    const file = join(folder, 'trace');
    const child = spawnSync(
      'strace',
      ['-f', '-e', 'trace=all', '-o', file, process.execPath, program, where, body, controlWord],
      { encoding: 'utf8' },
    );
    expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
      signal: null,
      status: 0,
      stderr: '',
    });
    return {
      ...(JSON.parse(child.stdout) as Report),
      calls: callsBetweenMarkers(readFileSync(file, 'utf8')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `calls` without those that stand in `known` too, one for one. */
function without(calls: readonly string[], known: readonly string[]): string[] {
  const left = [...known];
  return calls.filter((call) => {
    const index = left.indexOf(call);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** By its name where strace knows it, else by one of its numbers, as strace prints them. */
const YIELDS = [NR_SLICE_YIELD, NR_SLICE_YIELD_RFC].flatMap((number) => [
  number.toString(),
  `0x${number.toString(16)}`,
]);
const isYield = (call: string) =>
  call === 'rseq_slice_yield' || YIELDS.some((number) => call === `syscall_${number}`);

const ROWS = [
  ['main', 'auto'],
  ['worker', 'auto'],
  ['main', 'native'],
] as const;
it.for(share(ROWS, { every: ROWS.length, first: 1 }))(
  'makes no system call in a million sections (%s thread, control word %s)',
  ([where, controlWord], context) => {
    const reason = whyNoStrace();
    if (reason !== undefined) context.skip(reason);
    const control = trace(where, 'nothing', 'auto');
    expect(control).toMatchObject({ optimized: true, entered: 0 });
    if (controlWord === 'native' && control.host !== 'linux')
      context.skip('this kernel has no slices');

    const sections = trace(where, 'sections', controlWord);
    expect(sections).toMatchObject({
      host: control.host,
      optimized: true,
      entered: 1_000_000,
    });
    const calls = without(sections.calls, control.calls);
    expect(calls.filter((call) => !isYield(call))).toEqual([]);
    expect(calls.filter(isYield)).toHaveLength(sections.disturbed);
  },
);
