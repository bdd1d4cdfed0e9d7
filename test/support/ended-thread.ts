/**
 * The id of a thread that was there and has ended, as lock words name it: what
 * a lock of a dead holder has in it.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { agentByKernel, currentAgent } from '../../lib/locks/liveness.ts';

const SOURCE = `
  const { readFileSync } = require('node:fs');
  require('node:worker_threads').parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'latin1'));`;

let ended: Promise<number> | undefined;

/** Whether threads have names that the kernel gives them; elsewhere a thread is known by those that saw it end. */
export const canAskKernel: boolean = process.platform === 'linux';

export async function endedThread(): Promise<number> {
  // One is enough for a file: nothing brings it back.
  ended ??= endOne();
  return ended;
}

async function endOne(): Promise<number> {
  const worker = new Worker(SOURCE, { eval: true });
  const [stat] = (await once(worker, 'message')) as [string];
  const agent = agentByKernel(() => stat);
  if (agent === null) throw new Error(`not read as the stat file of a thread: ${stat}`);
  await once(worker, 'exit');
  if (!currentAgent().hasEnded(agent.id)) throw new Error('the thread has ended, and is not known to have');
  return agent.id;
}
