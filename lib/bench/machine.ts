/**
 * Where, when and with what something was measured: without these a figure means
 * nothing. Every record of a benchmark begins with them.
 */
import { arch, cpus, release } from 'node:os';
import { version } from '../version.ts';

/** Of the records; it grows when a reader of older ones would misread newer ones. */
export const SCHEMA = 1;

export interface Machine {
  /** ISO 8601. */
  readonly date: string;
  /** Of this package. */
  readonly version: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly arch: string;
  readonly node: string;
  readonly v8: string;
  /** What was typed, without the paths of this machine. */
  readonly command: string;
}

export function describeMachine(command: string): Machine {
  const all = cpus();
  return {
    date: new Date().toISOString(),
    version,
    kernel: release(),
    cpu: all[0]?.model ?? 'unknown',
    cpus: all.length,
    arch: arch(),
    node: process.version,
    v8: process.versions.v8,
    command,
  };
}

/** The command line for a record, without what is of this machine only. */
export function withoutPaths(args: readonly string[], options: readonly string[]): string[] {
  const isPath = (arg: string, at: number): boolean =>
    options.some((name) => arg === name || arg.startsWith(`${name}=`) || (args[at - 1] === name && !arg.startsWith('-')));
  return args.filter((arg, at) => !isPath(arg, at));
}
