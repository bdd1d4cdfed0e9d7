// SPDX-License-Identifier: MIT
/**
 * Small programs over the control word that run on Linux and in the explorer:
 * what the explorer finds possible must contain what is seen on Linux. One
 * instruction a line; a number at the end of one says where its result goes.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GRANTED_BYTE, REQUEST_BYTE } from '../../lib/abi/kernel.ts';
import { explore } from '../../lib/simulated/explorer/explorer.ts';
import type { Exploration } from '../../lib/simulated/explorer/explorer.ts';
import type { Step } from '../../lib/simulated/explorer/model.ts';
import type { WorldThread } from '../../lib/simulated/explorer/model.ts';

export const OPERATIONS = [
  'ask',
  'withdraw',
  'request',
  'granted',
  'yield',
  'call',
  'spin',
] as const;
type Operation = (typeof OPERATIONS)[number];

interface Instruction {
  readonly operation: Operation;
  /** Where the result goes; -1: nowhere. */
  readonly register: number;
}

export interface Scenario {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** How many results it has. */
  readonly results: number;
}

const folder = fileURLToPath(new URL('../kernel/scenarios/', import.meta.url));

export function readScenarios(): readonly Scenario[] {
  return readdirSync(folder)
    .sort()
    .map((file) => parse(basename(file, '.txt'), readFileSync(join(folder, file), 'utf8')));
}

function parse(name: string, text: string): Scenario {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const instructions = lines.map((line) => {
    const [word = '', register = '-1'] = line.split(' ');
    const operation = OPERATIONS.find((known) => known === word);
    if (operation === undefined) throw new Error(`${name}: '${line}' is no instruction.`);
    return { operation, register: Number(register) };
  });
  return {
    name,
    instructions,
    results: Math.max(...instructions.map(({ register }) => register)) + 1,
  };
}

/** For the native program: a line with the name, and pairs of numbers. */
export function formatScenario({ name, instructions }: Scenario): string {
  return [
    name,
    ...instructions.map(
      ({ operation, register }) => `${OPERATIONS.indexOf(operation)},${register}`,
    ),
  ].join(' ');
}

function perform(thread: WorldThread, operation: Operation): number {
  switch (operation) {
    case 'ask':
      thread.bytes[REQUEST_BYTE] = 1;
      return 0;
    case 'withdraw':
      thread.bytes[REQUEST_BYTE] = 0;
      return 0;
    case 'request':
      return thread.bytes[REQUEST_BYTE] ?? 0;
    case 'granted':
      return thread.bytes[GRANTED_BYTE] ?? 0;
    case 'yield':
      return thread.yieldSlice();
    case 'call':
      thread.systemCall();
      return 0;
    case 'spin':
      return 0;
  }
}

/** Every list of results there can be, each as its numbers with blanks between them. */
export function possibleOutcomes({ name, instructions, results }: Scenario): {
  readonly outcomes: ReadonlySet<string>;
  readonly exploration: Exploration;
} {
  const outcomes = new Set<string>();
  const steps = instructions.map(({ operation, register }, index): Step => {
    const label = `${String(index)} ${operation}`;
    return {
      label,
      run(thread) {
        const result = perform(thread, operation);
        if (register >= 0) thread.registers[register] = result;
        return undefined;
      },
    };
  });
  const exploration = explore({
    name,
    abiVersion: 'mainline',
    allowAborts: true,
    migration: true,
    threads: [{ registers: results, steps }],
    invariant(world) {
      if (world.hasEnded(0)) outcomes.add([...(world.threads[0]?.registers ?? [])].join(' '));
      return null;
    },
  });
  return { outcomes, exploration };
}
