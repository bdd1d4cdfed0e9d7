// Sections in this thread and in workers that end in some way, and what processStats() makes of them. Prints the
// counters, before and after.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach, processStats } from '../../../dist/index.js';
import { loadAddon } from '../../../dist/linux/binding.js';

const SECTIONS = 200_000;

function sections(thread, count) {
  for (let i = 0; i < count; i++) thread.critical(() => undefined);
}

async function runWorker(how) {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise((resolve) => worker.once('message', resolve));
  if (how === 'terminated') await worker.terminate();
  await ended;
}

async function main(how) {
  const results = [];
  if (how === 'again') {
    for (let i = 0; i < 3; i++) {
      const thread = attach({ backend: 'simulated' });
      sections(thread, 1);
      thread.detach();
    }
    results.push(processStats());
  } else {
    sections(attach({ backend: 'simulated' }), 10);
    results.push(processStats());
    await Promise.all(Array.from({ length: how === 'disturbed' ? 1 : 3 }, () => runWorker(how)));
    results.push(processStats());
  }
  process.stdout.write(JSON.stringify(results));
}

function work(how) {
  const thread = attach({ backend: 'simulated' });
  if (how === 'disturbed') {
    sections(thread, 100);
    thread.enter();
    // Somebody else clears the request, as a kernel does that schedules the thread out.
    thread.word.clear();
    thread.leave();
  } else {
    sections(thread, SECTIONS);
    if (how === 'detached') thread.detach();
  }
  parentPort.postMessage('done');
  if (how === 'terminated') for (;;) loadAddon();
}

if (isMainThread) await main(process.argv[2]);
else work(workerData);
