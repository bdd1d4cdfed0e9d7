// SPDX-License-Identifier: MIT
/**
 * One worker of the demonstration: books transfers in the shared records under
 * the lock until it is told to stop, and reports what it counted. The file is
 * imported too, for what the two sides agree on.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach } from 'rseq-slice';
import type { HostName, Stats } from 'rseq-slice';
import { ACCOUNTS, Ledger } from './ledger.ts';
import { openLock } from './locks.ts';
import type { LockName } from './locks.ts';

export interface Job {
  readonly buffer: SharedArrayBuffer;
  /** The word STOP, then how many transfers each worker has made. */
  readonly progress: SharedArrayBuffer;
  readonly index: number;
  readonly host: HostName | 'auto';
  readonly lock: LockName;
}

export interface Report {
  readonly host: string;
  readonly registration: string;
  readonly abiVersion: string;
  readonly stats: Stats;
  readonly transfers: number;
  readonly torn: number;
  readonly seconds: number;
}

/** The first word of the progress tells to stop. */
export const STOP = 0;
/** The first message, before the first section; the report is the second and last. */
export const STARTED = 'started';
const BATCH = 64;

function run({ buffer, progress, index, host, lock: name }: Job): Report {
  const thread = attach({ host });
  const ledger = new Ledger(buffer);
  const lock = openLock(name, buffer, thread);
  const shared = new Int32Array(progress);
  let random = (index + 1) * 0x9e3779b1;
  let transfers = 0;
  parentPort?.postMessage(STARTED);
  const started = performance.now();
  while (Atomics.load(shared, STOP) === 0) {
    for (let i = 0; i < BATCH; i++) {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const from = random & (ACCOUNTS - 1);
      const to = (from + 1 + ((random >>> 8) % (ACCOUNTS - 1))) & (ACCOUNTS - 1);
      lock.enter();
      ledger.transfer(from, to, (random >>> 16) & 0xff);
      lock.leave();
    }
    transfers += BATCH;
    Atomics.store(shared, STOP + 1 + index, transfers);
  }
  const seconds = (performance.now() - started) / 1000;
  const { registration, abiVersion } = thread;
  return {
    host: thread.host,
    registration,
    abiVersion,
    stats: thread.stats(),
    transfers,
    torn: ledger.torn,
    seconds,
  };
}

if (!isMainThread) parentPort?.postMessage(run(workerData as Job));
