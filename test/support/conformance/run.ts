// SPDX-License-Identifier: MIT
/**
 * What both sides of the comparison need: the input of the native program, what
 * it found, and the differences told in a way that replays.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MachineOptions } from '../../../lib/simulated/machine.ts';
import { expectation } from './model.ts';
import { chooseSeed, randomSequences } from './random.ts';
import { formatCalls, parseCalls } from './sequence.ts';
import type { Sequence } from './sequence.ts';
import { table } from './table.ts';

/** glibc's own registration would be in the way of ours. */
export const ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' } as const;

/** For a kernel of that ABI version, whose yield has a number of its own. */
export function environmentFor({
  abiVersion = 'mainline',
}: MachineOptions): Readonly<Record<string, string>> {
  return { ...ENVIRONMENT, CONFORMANCE_ABI_VERSION: abiVersion };
}

/** What the program ends with on a machine it cannot use. */
export const EXIT_UNUSABLE = 77;

const SEQUENCES = 2_000;
const SHOWN = 5;
const REPEATED_SHOWN = 12;

const folder = fileURLToPath(new URL('../../kernel/guest/', import.meta.url));

export interface Plan {
  readonly rows: readonly Sequence[];
  readonly sequences: readonly Sequence[];
  readonly seed: number;
}

export interface Verdict {
  /** The sequences that were repeated, since an interrupt may have fallen into them. */
  readonly repeated: readonly string[];
  readonly differences: readonly string[];
}

/**
 * All of it, or one in so many of its rows and random sequences; or the one sequence in
 * RSEQ_SLICE_SEQUENCE.
 */
export function plan(oneIn = 1): Plan {
  const seed = chooseSeed();
  const single = process.env['RSEQ_SLICE_SEQUENCE'];
  if (single !== undefined)
    return { rows: [], sequences: [{ name: 'replayed', calls: parseCalls(single) }], seed };
  const rows = table().filter((_, index) => index % oneIn === 0);
  return { rows, sequences: randomSequences(seed, SEQUENCES / oneIn), seed };
}

export function compileProgram(output: string): void {
  const sources = ['conformance.c', 'conformance-calls.c'].map((name) => `${folder}${name}`);
  const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];
  const compiler = spawnSync('cc', [...flags, ...sources, '-o', output], { encoding: 'utf8' });
  if (compiler.status !== 0) throw new Error(`conformance.c does not compile:\n${compiler.stderr}`);
}

export function programInput({ rows, sequences }: Plan, options: MachineOptions): string {
  return [...rows, ...sequences]
    .map(({ name, calls }) => `${name}\t${formatCalls(calls)}\t${expectation(calls, options)}\n`)
    .join('');
}

/** @param output what the program has written. */
export function judge({ rows, sequences }: Plan, options: MachineOptions, output: string): Verdict {
  const found = new Map<string, { repetitions: number; text: string }>();
  for (const line of output.trimEnd().split('\n')) {
    const [name = '', repetitions = '', text = ''] = line.split('\t');
    found.set(name, { repetitions: Number(repetitions), text });
  }
  const differences: { calls: number; text: string }[] = [];
  for (const sequence of [...rows, ...sequences]) {
    const text = found.get(sequence.name)?.text ?? 'nothing';
    const expected = expectation(sequence.calls, options);
    if (text !== expected) differences.push(difference(sequence, expected, text));
  }
  differences.sort((one, other) => one.calls - other.calls);
  return {
    repeated: [...found]
      .filter(([, { repetitions }]) => repetitions > 0)
      .map(([name, { repetitions }]) => `${name} (${repetitions})`),
    differences: differences.map(({ text }) => text),
  };
}

/** Cut behind the first call whose outcome differs: what comes later has no part in it. */
function difference(
  { name, calls }: Sequence,
  expected: string,
  found: string,
): { calls: number; text: string } {
  const [ours, theirs] = [expected.split(' '), found.split(' ')];
  let at = 1;
  while (at < ours.length && ours[at] === theirs[at]) at++;
  const shown = calls.slice(0, at);
  const say = (side: readonly string[]): string => side[at] ?? side[0] ?? '';
  return {
    calls: shown.length,
    text: [
      `${name}: after ${formatCalls(shown)}`,
      `  model  ${say(ours)} (${ours[0] ?? ''})`,
      `  kernel ${say(theirs)} (${theirs[0] ?? ''})`,
      `  replay RSEQ_SLICE_SEQUENCE='${formatCalls(shown)}'`,
    ].join('\n'),
  };
}

export function summary(
  { rows, sequences, seed }: Plan,
  { repeated, differences }: Verdict,
): string {
  return [
    `${rows.length} rows, ${sequences.length} sequences, ${differences.length} differences; RSEQ_SLICE_SEED=${seed}`,
    `${repeated.length} repeated (how often): ${repeated.slice(0, REPEATED_SHOWN).join(', ')}`,
    ...differences.slice(0, SHOWN),
  ].join('\n');
}
