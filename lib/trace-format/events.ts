// SPDX-License-Identifier: MIT
/**
 * What a trace is made of, whoever recorded it: a run of the explorer, a
 * simulated kernel, or threads of this host. How it is written to a file is
 * left to `chrome.ts`.
 */

/** What a thread does, or what interrupts it: it has the CPU. */
export type ActKind =
  'step' | 'request' | 'withdraw' | 'yield' | 'system call' | 'interrupt' | 'signal' | 'migrate';

/** What a kernel makes of it. */
export type EffectKind =
  | 'granted'
  | 'refused'
  | 'revoked'
  | 'expired'
  | 'yielded'
  | 'aborted'
  | 'cancelled'
  | 'switched'
  | 'killed';

/**
 * What a thread told of itself when it was over: a stretch of its time, or one
 * end of an arrow between two threads, which lies in such a stretch. Nothing
 * follows from it about who had the CPU. Stretches of a thread lie beside or
 * within each other, and an outer one comes first.
 */
export type AccountKind = 'span' | 'arrow from' | 'arrow to';

export interface TraceEvent {
  /** ns, an integer, from a beginning that all events of a trace share. */
  readonly time: number;
  /**
   * Where it happened; for `migrate`, the CPU the thread comes from. A number of `Trace.places`
   * where there are those.
   */
  readonly cpu: number;
  /** A number that no other thread of the trace has, 1 or more: viewers keep 0 for the idle one. */
  readonly thread: number;
  readonly kind: ActKind | EffectKind | AccountKind;
  /** Shown instead of the kind. */
  readonly label?: string;
  /**
   * ns, an integer; `step` and `span` only. In a step nothing else happens to the thread. Default
   * 0.
   */
  readonly duration?: number;
  /** What else to say of a `span`. */
  readonly args?: Readonly<Record<string, string>>;
  /** Which arrow: the same number at both ends, and at no other. */
  readonly arrow?: number;
}

export interface Place {
  readonly name: string;
  /** The number of a process that no other place has: the kernel's where it is one. */
  readonly process: number;
}

export interface Trace {
  /** In the order they happened; those of one time stay in the order they have here. */
  readonly events: readonly TraceEvent[];
  /** The names of the threads, by their numbers. */
  readonly threads: ReadonlyMap<number, string>;
  /**
   * What events call CPUs is something else, such as processes: their names by those numbers, and
   * the numbers that a viewer shows.
   */
  readonly places?: ReadonlyMap<number, Place>;
  /** ns; when the recording ended, at the last event or later. Default: with the last event. */
  readonly end?: number;
  /** What else a reader of the file should know. */
  readonly about?: Readonly<Record<string, string>>;
}
