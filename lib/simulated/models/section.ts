// SPDX-License-Identifier: MIT
/**
 * Our own way in and out of a section, step by step, as `control-word.ts` and
 * `thread.ts` go it, in both versions and in layers that know nothing of each
 * other. Each access to the word is a step of its own; what the CPU does in one
 * instruction is one step.
 */
import type { AbiVersion } from '../../abi/interface.ts';
import { REQUEST_BIT, GRANTED_BYTE, REQUEST_BYTE } from '../../abi/kernel.ts';
import {
  arrayOf,
  checkOptions,
  checkValue,
  objectWith,
  TEXT,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../../options.ts';
import type { OptionChecks } from '../../options.ts';
import { ABI_VERSION, THREADS } from '../checks.ts';
import type { Model, Step, ThreadProgram } from '../explorer/model.ts';
import type { WorldThread } from '../explorer/model.ts';

/**
 * Two registers a layer: what the request was when it was withdrawn, and whether the layer set it.
 */
export const LAYER_REGISTERS = 2;
const ASKED = 0;
const OWNS = 1;

const at = (thread: WorldThread, register: number): number => thread.registers[register] ?? 0;
const byte = (thread: WorldThread, index: number): number => thread.bytes[index] ?? 0;

/** The labels of a layer are its name and these. */
const named = (layer: string, step: string): string => `${layer}: ${step}`;

function enterBytes(layer: string, first: number): Step[] {
  const borrow = (thread: WorldThread): string => {
    thread.registers[first + OWNS] = 0;
    return named(layer, 'entered');
  };
  return [
    {
      label: named(layer, 'look at the request'),
      run: (thread) => (byte(thread, REQUEST_BYTE) !== 0 ? borrow(thread) : undefined),
    },
    {
      label: named(layer, 'look at the grant'),
      run: (thread) => (byte(thread, GRANTED_BYTE) !== 0 ? borrow(thread) : undefined),
    },
    {
      label: named(layer, 'ask'),
      run(thread) {
        thread.bytes[REQUEST_BYTE] = 1;
        thread.registers[first + OWNS] = 1;
        return undefined;
      },
    },
    { label: named(layer, 'entered'), run: () => undefined },
  ];
}

function leaveBytes(layer: string, first: number): Step[] {
  return [
    {
      label: named(layer, 'look whether still asked'),
      run(thread) {
        if (at(thread, first + OWNS) === 0) return named(layer, 'left');
        thread.registers[first + ASKED] = byte(thread, REQUEST_BYTE);
        return undefined;
      },
    },
    {
      label: named(layer, 'withdraw'),
      run(thread) {
        thread.bytes[REQUEST_BYTE] = 0;
        return undefined;
      },
    },
    {
      label: named(layer, 'look for a grant'),
      run: (thread) =>
        byte(thread, GRANTED_BYTE) === 0 && at(thread, first + ASKED) !== 0
          ? named(layer, 'left')
          : undefined,
    },
    {
      // Granted, or preempted: the kernel is to look at the word either way.
      label: named(layer, 'yield'),
      run(thread) {
        thread.yieldSlice();
        return undefined;
      },
    },
    left(layer, first),
  ];
}

function enterBits(layer: string, first: number): Step[] {
  return [
    {
      label: named(layer, 'look at the word'),
      run(thread) {
        if (thread.word[0] === 0) return undefined;
        thread.registers[first + OWNS] = 0;
        return named(layer, 'entered');
      },
    },
    {
      label: named(layer, 'ask'),
      run(thread) {
        thread.word[0] = REQUEST_BIT;
        thread.registers[first + OWNS] = 1;
        return undefined;
      },
    },
    { label: named(layer, 'entered'), run: () => undefined },
  ];
}

function leaveBits(layer: string, first: number): Step[] {
  return [
    {
      label: named(layer, 'test and clear'),
      run(thread) {
        if (at(thread, first + OWNS) === 0) return named(layer, 'left');
        const found = thread.word[0] ?? 0;
        thread.word[0] = found & ~REQUEST_BIT;
        return (found & REQUEST_BIT) !== 0 ? named(layer, 'left') : undefined;
      },
    },
    {
      label: named(layer, 'yield'),
      run(thread) {
        thread.yieldSlice();
        return undefined;
      },
    },
    left(layer, first),
  ];
}

/**
 * Forgets what is not needed any more, so that states that do not differ in what follows are the
 * same.
 */
function left(layer: string, first: number): Step {
  return {
    label: named(layer, 'left'),
    run(thread) {
      thread.registers[first + ASKED] = 0;
      thread.registers[first + OWNS] = 0;
      return undefined;
    },
  };
}

const LAYERS = wholeNumber(1, 1024);
const BODY = arrayOf('steps', objectWith('a step', 'run'));

/**
 * The steps of one section.
 * @param layer begins its labels
 * @param first the first of its two registers
 * @param body what is done inside
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function section(
  abiVersion: AbiVersion,
  layer: string,
  first: number,
  body: readonly Step[],
): Step[] {
  checkValue('section()', 'abiVersion', abiVersion, ABI_VERSION);
  checkValue('section()', 'layer', layer, TEXT);
  checkValue('section()', 'first', first, wholeNumber(0));
  checkValue('section()', 'body', body, BODY);
  if (abiVersion === 'rfc')
    return [...enterBits(layer, first), ...body, ...leaveBits(layer, first)];
  return [...enterBytes(layer, first), ...body, ...leaveBytes(layer, first)];
}

/** The first step, where the last one goes back to: outside of everything. */
export const OUTSIDE: Step = { label: 'outside', outside: true, run: () => undefined };
const REPEAT: Step = { label: 'again', outside: true, run: () => 'outside' };

const WORK: Step = { label: 'work', run: () => undefined };
const SYSTEM_CALL: Step = {
  label: 'make a system call',
  run(thread) {
    thread.systemCall();
    return undefined;
  },
};

/**
 * A thread that enters and leaves sections for ever, one layer inside the other, around `body`.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function sectionProgram(
  abiVersion: AbiVersion,
  layers: number,
  body: readonly Step[] = [WORK],
): ThreadProgram {
  checkValue('sectionProgram()', 'abiVersion', abiVersion, ABI_VERSION);
  checkValue('sectionProgram()', 'layers', layers, LAYERS);
  checkValue('sectionProgram()', 'body', body, BODY);
  let steps: Step[] = [...body];
  for (let layer = layers; layer > 0; layer--)
    steps = section(abiVersion, `layer ${layer}`, (layer - 1) * LAYER_REGISTERS, steps);
  return { registers: layers * LAYER_REGISTERS, steps: [OUTSIDE, ...steps, REPEAT] };
}

/** How large a model of sections is. */
export interface SectionModelOptions {
  /** How many threads share the CPU. Default 2. */
  readonly threads?: number;
  /** How many layers that know nothing of each other. Default 2. */
  readonly layers?: number;
  /** Whether preempted threads may come back on another CPU. Default false. */
  readonly migration?: boolean;
  /**
   * Whether a system call is made inside. Default false. On `rfc` that is
   * forbidden, and the explorer shows why. With bytes it is allowed, but see `debug`.
   */
  readonly systemCall?: boolean;
  /**
   * Default true: the kernel's full consistency checks. With bytes and a system
   * call inside, they kill: when a grant comes and goes between the load of the
   * request and that of the grant, nothing shows it, the kernel is not called,
   * and it takes the next section's request for a leftover of this one's.
   */
  readonly debug?: boolean;
}

const CHECKS: OptionChecks<SectionModelOptions> = {
  threads: THREADS,
  layers: LAYERS,
  migration: TRUE_OR_FALSE,
  systemCall: TRUE_OR_FALSE,
  debug: TRUE_OR_FALSE,
};

/**
 * Threads that share a CPU, each in sections of several layers, for ever.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function sectionModel(abiVersion: AbiVersion, options: SectionModelOptions = {}): Model {
  checkValue('sectionModel()', 'abiVersion', abiVersion, ABI_VERSION);
  checkOptions('sectionModel()', options, CHECKS);
  const { threads = 2, layers = 2, migration = false, systemCall = false, debug = true } = options;
  const calling = systemCall ? ', a system call inside' : '';
  return {
    name: `sections (${abiVersion}, threads ${threads}, layers ${layers}${calling})`,
    abiVersion,
    debug,
    migration,
    allowAborts: systemCall,
    threads: Array.from({ length: threads }, () =>
      sectionProgram(abiVersion, layers, systemCall ? [SYSTEM_CALL] : [WORK]),
    ),
  };
}

/**
 * A thread that asks again and again, also inside its extension, and never
 * yields: what the kernel promises must hold whatever a thread does with its word.
 * @throws {RseqSliceError} `ERR_RSEQ_INVALID_OPTION`.
 */
export function greedyModel(abiVersion: AbiVersion): Model {
  checkValue('greedyModel()', 'abiVersion', abiVersion, ABI_VERSION);
  return {
    name: `greedy thread (${abiVersion})`,
    abiVersion,
    threads: [
      {
        steps: [
          {
            label: 'ask',
            run(thread) {
              if (abiVersion === 'rfc') thread.word[0] = (thread.word[0] ?? 0) | REQUEST_BIT;
              else thread.bytes[REQUEST_BYTE] = 1;
              return undefined;
            },
          },
          { label: 'work', run: () => 'ask' },
        ],
      },
    ],
  };
}
