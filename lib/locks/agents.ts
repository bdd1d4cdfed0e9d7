/**
 * Who holds a lock, and whether that thread can still release it. A thread's
 * number in lock words is its `threadId` and one: Node never gives one twice.
 *
 * That a worker has ended, in whatever way, its addon notes for the whole
 * process when no JavaScript can run there any more. Without the addon the
 * parent does, when it hears of the worker's exit; for that this module must
 * have been loaded in the parent, and the parent's event loop must run. A thread
 * that nobody told about counts as alive: no lock is ever taken from the living.
 */
import { subscribe } from 'node:diagnostics_channel';
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import { loadAddon } from '../linux/binding.ts';

/** The calling thread, as lock words name it. */
export interface Agent {
  /** From 1 on. */
  readonly id: number;
  /** Whether another thread has ended. */
  readonly hasEnded: (id: number) => boolean;
}

const REGISTRY = 'rseq-slice.ended';
/** Bits of the registry; workers beyond that are taken for alive for ever. */
const MOST_AGENTS = 1 << 16;
const CHANNEL = 'worker_threads';

let present: Agent | undefined;

/** The calling thread. The first call announces it. */
export function currentAgent(): Agent {
  present ??= announce(threadId + 1);
  return present;
}

function announce(id: number): Agent {
  const addon = loadAddon();
  if (addon.state !== 'loaded') return { id, hasEnded: watchWorkers() };
  addon.binding.announceAgent(id);
  return { id, hasEnded: addon.binding.hasEnded };
}

/** The way without an addon: a bit a thread in memory that workers inherit, set by the parent. */
function watchWorkers(): (id: number) => boolean {
  const inherited: unknown = getEnvironmentData(REGISTRY);
  const buffer = inherited instanceof SharedArrayBuffer ? inherited : new SharedArrayBuffer(MOST_AGENTS / 8);
  if (isMainThread && inherited !== buffer) setEnvironmentData(REGISTRY, buffer);
  const ended = new Int32Array(buffer);
  subscribe(CHANNEL, (message) => {
    const { worker } = message as { readonly worker: Worker };
    const id = worker.threadId + 1;
    worker.once('exit', () => {
      if (id < MOST_AGENTS) Atomics.or(ended, id >> 5, 1 << (id & 31));
    });
  });
  return (id) => id < MOST_AGENTS && (Atomics.load(ended, id >> 5) & (1 << (id & 31))) !== 0;
}
