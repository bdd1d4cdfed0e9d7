// SPDX-License-Identifier: MIT
/**
 * Linux time slice extensions for critical sections: the public face.
 */
export { attach, processStats } from './attach.ts';
export type { AttachOptions } from './attach.ts';
export type { AbiVersion, RegistrationPolicy } from './abi/interface.ts';
export { ids } from './ids.ts';
export { RseqSliceError } from './errors.ts';
export type { ErrorCode, ErrorDetails } from './errors.ts';
export type { HostName, Ids, Registration } from './host/port.ts';
export type { AttachMessage, LockMessage } from './channels.ts';
export type { Lock } from './locks/lock.ts';
export { Barrier } from './locks/barrier.ts';
export { Condition } from './locks/condition.ts';
export { Mutex } from './locks/mutex.ts';
export { Queue } from './locks/queue.ts';
export { RwLock } from './locks/rw-lock.ts';
export { Semaphore } from './locks/semaphore.ts';
export { SpinLock } from './locks/spin-lock.ts';
export type { LockHandle, LockKind } from './locks/engine/layout.ts';
export type { LockStats } from './locks/engine/stats.ts';
export type {
  AsyncLockOptions,
  BarrierOptions,
  LockOptions,
  PlacementOptions,
  QueueOptions,
  SemaphoreOptions,
  UseOptions,
} from './locks/options.ts';
export type { Hold, LockToken } from './locks/token.ts';
export type { Reason } from './host/status.ts';
export { probe } from './probe.ts';
export type { ProbeReport, RseqUser } from './probe.ts';
export type { ProcessStats, Stats } from './sections/counters.ts';
export { Outcome } from './sections/thread.ts';
export type { Section, Thread } from './sections/thread.ts';
export { StripedCounter } from './striped/counter.ts';
export { StripedHistogram } from './striped/histogram.ts';
export type { HistogramBucket, HistogramOptions, HistogramSnapshot } from './striped/histogram.ts';
export type { StripedHandle, StripedKind, StripedOptions } from './striped/layout.ts';
export type { Preemption, SimulatedThread } from './simulated/kernel.ts';
