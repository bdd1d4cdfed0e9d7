/**
 * What a trace is made of, whoever recorded it: a run of the explorer, a
 * simulated kernel, or threads of this host. How it is written to a file is
 * left to `chrome.ts`.
 */

/** What a thread does, or what interrupts it: it has the CPU. */
export type ActKind = 'step' | 'request' | 'withdraw' | 'yield' | 'system call' | 'interrupt' | 'signal' | 'migrate';

/** What a kernel makes of it. */
export type EffectKind = 'granted' | 'refused' | 'revoked' | 'expired' | 'yielded' | 'aborted' | 'switched' | 'killed';

export interface TraceEvent {
  /** ns, an integer, from a beginning that all events of a trace share. */
  readonly time: number;
  /** Where it happened; for `migrate`, the CPU the thread comes from. */
  readonly cpu: number;
  /** A number that no other thread of the trace has, 1 or more: viewers keep 0 for the idle one. */
  readonly thread: number;
  readonly kind: ActKind | EffectKind;
  /** Shown instead of the kind. */
  readonly label?: string;
  /** ns, an integer; `step` only. Until then nothing else happens to the thread. Default 0. */
  readonly duration?: number;
}

export interface Trace {
  /** In the order they happened; those of one time stay in the order they have here. */
  readonly events: readonly TraceEvent[];
  /** The names of the threads, by their numbers. */
  readonly threads: ReadonlyMap<number, string>;
  /** ns; when the recording ended, at the last event or later. Default: with the last event. */
  readonly end?: number;
  /** What else a reader of the file should know. */
  readonly about?: Readonly<Record<string, string>>;
}
