// SPDX-License-Identifier: MIT
/**
 * Where, when and with what something was measured: without these a figure means
 * nothing. Every record of a benchmark begins with them.
 */
import { arch, availableParallelism, cpus, loadavg, release } from 'node:os';
import { cautionAboutGuest, describeGuest, findGuest, version } from 'rseq-slice/internal';
import type { Guest } from 'rseq-slice/internal';

/** Of the records; it grows when a reader of older ones would misread newer ones. */
export const SCHEMA = 3;

export interface Machine {
  /** ISO 8601. */
  readonly date: string;
  /** Of this package. */
  readonly version: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly arch: string;
  /** Whether it is a guest of another system. */
  readonly guest: boolean;
  /** Which one; null: no guest, or not known. */
  readonly hypervisor: string | null;
  /** Whether instructions are carried out by a program, so that times are none of a CPU. */
  readonly emulated: boolean;
  /** Threads that wanted a CPU before anything was measured, on average over a minute. */
  readonly load: number;
  readonly node: string;
  readonly v8: string;
  /** What was typed, without the paths of this machine. */
  readonly command: string;
}

export function describeMachine(command: string): Machine {
  const all = cpus();
  const guest = findGuest();
  const [load = 0] = loadavg();
  return {
    date: new Date().toISOString(),
    version,
    kernel: release(),
    cpu: all[0]?.model ?? 'unknown',
    cpus: all.length,
    arch: arch(),
    guest: guest !== null,
    hypervisor: guest?.hypervisor ?? null,
    emulated: guest?.isEmulated ?? false,
    load,
    node: process.version,
    v8: process.versions.v8,
    command,
  };
}

/** What tells how far times can be trusted. */
export type Circumstances = Pick<Machine, 'guest' | 'hypervisor' | 'emulated' | 'load'>;

const guestOf = ({ guest, hypervisor, emulated }: Circumstances): Guest | null =>
  guest ? { hypervisor, isEmulated: emulated } : null;

/** Where something was measured, for people: part of a line. */
export function describePlace(machine: Machine): string {
  const { cpu, cpus, kernel, node } = machine;
  const guest = guestOf(machine);
  return `${cpu}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}, Linux ${kernel}, Node ${node}${guest === null ? '' : `; ${describeGuest(guest)}`}`;
}

/** More than half of the CPUs were busy: what is measured shared them. */
const BUSY = 0.5;

/**
 * What to bear in mind of times that were measured there, sentences.
 * @param available CPUs for what was measured; by default those of this process
 */
export function cautionsAbout(
  machine: Circumstances,
  available: number = availableParallelism(),
): string[] {
  const guest = guestOf(machine);
  return [
    ...(guest === null ? [] : [cautionAboutGuest(guest)]),
    ...(machine.load > BUSY * available
      ? [
          `The machine was loaded when this began (load ${machine.load.toFixed(1)} on ${available} ${available === 1 ? 'CPU' : 'CPUs'}): times are longer than on a quiet one, and vary more.`,
        ]
      : []),
  ];
}

/** Those that were not said before; from now on they were. */
export function newsOf(sentences: readonly string[], said: Set<string>): string[] {
  const news = sentences.filter((sentence) => !said.has(sentence));
  for (const sentence of news) said.add(sentence);
  return news;
}

/** The command line for a record, without what is of this machine only. */
export function withoutPaths(args: readonly string[], options: readonly string[]): string[] {
  const isPath = (arg: string, at: number): boolean =>
    options.some(
      (name) =>
        arg === name ||
        arg.startsWith(`${name}=`) ||
        (args[at - 1] === name && !arg.startsWith('-')),
    );
  return args.filter((arg, at) => !isPath(arg, at));
}
