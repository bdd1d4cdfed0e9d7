// SPDX-License-Identifier: MIT
/**
 * The id of a thread that was there and has ended, as lock words name it: what
 * a lock of a dead holder has in it.
 */
import { ok } from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { vi } from 'vitest';
import { agentByKernel, currentAgent } from '../../lib/host/agent.ts';

const SOURCE = `
  const { readFileSync } = require('node:fs');
  require('node:worker_threads').parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'latin1'));`;

let ended: Promise<number> | undefined;

/**
 * Whether threads have names that the kernel gives them; elsewhere a thread is known by those that
 * saw it end.
 */
export const canAskKernel: boolean = process.platform === 'linux';

export async function endedThread(): Promise<number> {
  // One is enough for a file: nothing brings it back.
  ended ??= endOne();
  return ended;
}

async function endOne(): Promise<number> {
  const worker = new Worker(SOURCE, { eval: true });
  // Listened for at once: where this thread is slow, both come in one go.
  const exited = once(worker, 'exit');
  const [stat] = (await once(worker, 'message')) as [string];
  const agent = agentByKernel(() => stat);
  if (agent === null) throw new Error(`not read as the stat file of a thread: ${stat}`);
  await exited;
  // Node joins a thread when the kernel lets go of its memory, and the kernel lists it a moment
  // longer.
  const { id } = agent;
  await vi.waitFor(() => {
    ok(currentAgent().hasEnded(id), 'the thread has ended, and is not known to have');
  }, 10_000);
  return id;
}
