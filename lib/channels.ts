// SPDX-License-Identifier: MIT
/**
 * What observers of a process can subscribe to with `node:diagnostics_channel`,
 * each thread for itself. Nothing is made for a channel that nobody listens to.
 */
import { channel } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { AbiVersion } from './abi/interface.ts';
import type { HostName, Registration } from './host/port.ts';

/** Published on `rseq-slice:attach` and `rseq-slice:detach`. */
export interface AttachMessage {
  /** Which kernel serves the thread. */
  readonly host: HostName;
  /** Whose rseq area the thread uses. */
  readonly registration: Registration;
  /** The version of the ABI that the kernel has. */
  readonly abiVersion: AbiVersion;
  /** `available`, or why the simulated kernel serves: a `reason` of `probe()`. */
  readonly reason: string;
}

/**
 * Published on `rseq-slice:lock:abandoned` and `rseq-slice:lock:timeout`, by all locks but
 * `Condition`. By a `Barrier` when it breaks: because a party has died, or gave up.
 */
export interface LockMessage {
  /** `Mutex` and so on. */
  readonly kind: string;
  /** The memory that the lock lives in. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes from the buffer's begin. */
  readonly byteOffset: number;
}

export const ATTACH: Channel = channel('rseq-slice:attach');
export const DETACH: Channel = channel('rseq-slice:detach');
/** A lock was taken over from a holder that died. */
export const LOCK_ABANDONED: Channel = channel('rseq-slice:lock:abandoned');
/** Waiting for a lock ended without it: a timeout, or an `AbortSignal`. */
export const LOCK_TIMEOUT: Channel = channel('rseq-slice:lock:timeout');

/**
 * Publishes when the caller's synchronous code is done: it may hold a lock, in a section, where
 * listeners have no place.
 */
export function publishLater(to: Channel, message: LockMessage): void {
  if (!to.hasSubscribers) return;
  queueMicrotask(() => {
    to.publish(message);
  });
}
