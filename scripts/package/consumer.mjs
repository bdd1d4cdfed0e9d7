// SPDX-License-Identifier: MIT
// The project that the package is installed into, file by file: small programs that use it in each
// way there is. Each prints JSON.

/** A section, a lock and a simulated kernel, and where the addon came from. */
const USE = `
const thread = attach();
const seven = thread.critical(() => 7);
const mutex = new Mutex();
const token = mutex.tryLock();
const isExclusive = token !== null && mutex.tryLock() === null;
token.unlock();
const cpu = new SimulatedKernel().thread('writer');
const simulated = attach({ host: cpu });
simulated.enter();
cpu.preempt();
const isYielded = simulated.leave() === Outcome.Yielded;
const { addon, slices } = probe();
const hasApi = api !== null;
console.log(JSON.stringify({ seven, isExclusive, isYielded, hasApi, host: thread.host, origin: addon.origin, path: addon.path, state: addon.state, reason: slices.reason, remedy: slices.remedy }));
`;

/** A lock in a test whose clock and timers are not real, and what the addon is there. */
const LOCK = `
  const mutex = new Mutex();
  expect(mutex.withLock(() => 7)).toBe(7);
  const held = await mutex.lockAsync();
  const refused = mutex.lockAsync({ timeout: 1000 }).then(() => null, ({ code }) => code);
`;
const TOLD = `
  expect(await refused).toBe('ERR_RSEQ_TIMEOUT');
  held.unlock();
  writeFileSync(process.env.TELL, JSON.stringify({ host: attach().host, state: probe().addon.state }));
`;
const FOR_TESTS = `import { writeFileSync } from 'node:fs';
import { Mutex, attach, probe } from 'rseq-slice';
`;

const IMPORTS = `import { Mutex, Outcome, attach, probe } from 'rseq-slice';
import { api } from 'rseq-slice/native';
import { SimulatedKernel } from 'rseq-slice/simulated';
`;

/** Also what the types refuse. */
const TYPES = `import { attach, Barrier, Condition, Mutex, Outcome, probe, processStats, Queue, RseqSliceError, RwLock, Semaphore, SpinLock } from 'rseq-slice';
import type { AttachOptions, LockHandle, ProbeReport, Stats, Thread } from 'rseq-slice';
import * as native from 'rseq-slice/native';
import { explore, lockModel, SimulatedKernel } from 'rseq-slice/simulated';

const options: AttachOptions = { host: new SimulatedKernel({ seed: 1 }).thread('a') };
const thread: Thread = attach(options);
const text: string = thread.critical(() => 'text');
const outcome: Outcome = thread.leave();
const stats: Stats = thread.stats();
const report: ProbeReport = probe();
const handle: LockHandle = new Mutex().handle;
const locks = [Mutex.from(handle), new SpinLock(), new RwLock(), new Semaphore({ permits: 2 }), new Condition(), new Barrier({ parties: 2 }), new Queue({ capacity: 2, recordBytes: 8 })] as const;
const reason: 'not-linux' | undefined = report.slices.reason === 'not-linux' ? report.slices.reason : undefined;
if (RseqSliceError.is(null) || outcome === Outcome.Raced) throw new Error(text + String(stats.entered) + String(locks.length) + String(reason));
// @ts-expect-error a promise is refused by its type
thread.critical(async () => 1);
// @ts-expect-error no such option
attach({ host: 'windows' });
export const entered: number = processStats().entered;
export const names: string[] = Object.keys(native);
export const violation = explore(lockModel('mainline')).violation;
`;

/** @type {Readonly<Record<string, string>>} */
export const FILES = {
  'package.json': JSON.stringify({ name: 'consumer', private: true, version: '1.0.0' }),
  'esm.mjs': `${IMPORTS}${USE}`,
  'require.cjs': `const { Mutex, Outcome, attach, probe } = require('rseq-slice');
const { api } = require('rseq-slice/native');
const { SimulatedKernel } = require('rseq-slice/simulated');
${USE}`,
  'loud.cjs': "console.log('good morning');",
  'vitest/locks.test.mjs': `import { expect, it, vi } from 'vitest';
${FOR_TESTS}
it('locks under fake timers', async () => {
  vi.useFakeTimers();${LOCK}  await vi.advanceTimersByTimeAsync(1000);${TOLD}});
`,
  'jest/jest.config.cjs': "module.exports = { testMatch: ['**/*.test.mjs'], transform: {} };",
  'jest/locks.test.mjs': `import { jest } from '@jest/globals';
${FOR_TESTS}
test('locks under fake timers', async () => {
  jest.useFakeTimers();${LOCK}  await jest.advanceTimersByTimeAsync(1000);${TOLD}});
`,
  'node-test/locks.test.mjs': `import { mock, test } from 'node:test';
import assert from 'node:assert/strict';
${FOR_TESTS}
const expect = (value) => ({ toBe: (wanted) => assert.equal(value, wanted) });
test('locks under fake timers', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });${LOCK}  mock.timers.tick(1000);${TOLD}});
`,
  'schema.cjs':
    "console.log(JSON.stringify(require('rseq-slice-tools/schema/bench.schema.json').$schema));",
  'worker.mjs': `import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Mutex, attach, probe } from 'rseq-slice';

if (isMainThread) {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { lock: new Mutex().handle, count };
  const workers = [1, 2].map(() => new Worker(new URL(import.meta.url), { workerData }));
  const origins = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))));
  await Promise.all(workers.map((worker) => worker.terminate()));
  console.log(JSON.stringify({ count: count[0], origins }));
} else {
  const mutex = Mutex.from(workerData.lock);
  attach();
  for (let i = 0; i < 10_000; i++) mutex.withLock(() => { workerData.count[0]++; });
  parentPort.postMessage(probe().addon.origin);
}
`,
  'stack.mjs': `import { attach } from 'rseq-slice';
import { SimulatedKernel } from 'rseq-slice/simulated';

Error.stackTraceLimit = Infinity;
const wrong = [() => attach({ host: 'windows' }), () => new SimulatedKernel({ sliceExtension: -1 })];
const stacks = wrong.map((run) => {
  try {
    run();
    return '';
  } catch ({ stack }) {
    return stack;
  }
});
console.log(JSON.stringify(stacks));
`,
  'types.mts': TYPES,
  'types.ts': TYPES,
  'types.cts': `import { attach } from 'rseq-slice';

export const result: number = attach().critical(() => 7);
`,
};
