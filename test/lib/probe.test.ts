// SPDX-License-Identifier: MIT
/**
 * `probe()` in processes of its own: it must ask neither the network nor other
 * threads, whatever connections are open and whatever workers do.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { callsBetweenMarkers, whyNoStrace } from '../support/strace.ts';

const library = new URL('../../dist/index.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-probe-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program with the built library; it must end by itself, without a signal. */
function run(source: string, wrapper: readonly string[] = []): string {
  const program = `import * as lib from ${JSON.stringify(library)};\n${source}`;
  const [command, ...args] = [...wrapper, process.execPath, '--input-type=module', '-e', program];
  const options = { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' } as const;
  const { signal, status, stdout, stderr } = spawnSync(command, args, options);
  expect({ signal, status, stderr }).toEqual({ signal: null, status: 0, stderr: '' });
  return stdout;
}

/** Three open connections, whose other ends a report would look up. */
const CONNECTED = `
  import { once } from 'node:events';
  import { accessSync } from 'node:fs';
  import { connect, createServer } from 'node:net';
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (let i = 0; i < 3; i++) await once(connect(server.address().port, '127.0.0.1'), 'connect');`;

it('knows the libc as Node does', () => {
  const [ours, node] = JSON.parse(
    run(`
      const name = lib.probe().libc.name;
      process.report.excludeNetwork = true;
      const { glibcVersionRuntime } = process.report.getReport().header;
      console.log(JSON.stringify([name, glibcVersionRuntime === undefined ? null : 'glibc ' + glibcVersionRuntime]))`),
  ) as (string | null)[];
  expect(ours).toBe(node);
});

it('makes no report of the process, and leaves the settings of reports alone', () => {
  const seen = run(`
    const { getReport } = process.report;
    const made = [];
    process.report.getReport = (...args) => {
      made.push(process.report.excludeNetwork);
      return getReport.apply(process.report, args);
    };
    const before = process.report.excludeNetwork;
    lib.probe();
    lib.attach();
    lib.probe();
    console.log(JSON.stringify({ made, unchanged: process.report.excludeNetwork === before }))`);
  expect(JSON.parse(seen)).toEqual({ made: [], unchanged: true });
});

it('asks nothing over the network, nor does anything else that a thread calls', (context) => {
  const reason = whyNoStrace();
  if (reason !== undefined) context.skip(reason);
  const file = join(folder, 'trace');
  run(
    `${CONNECTED}
    const mark = (name) => { try { accessSync(name); } catch {} };
    mark('/marker-begin');
    lib.probe();
    const thread = lib.attach();
    thread.critical(() => 1);
    new lib.Mutex().tryLock().unlock();
    lib.processStats();
    thread.detach();
    mark('/marker-end');
    process.exit();`,
    ['strace', '-f', '-e', 'trace=%network,access,faccessat,faccessat2', '-o', file],
  );
  const calls = callsBetweenMarkers(readFileSync(file, 'utf8'));
  expect(calls.filter((call) => !call.includes('access'))).toEqual([]);
});

it('waits for no worker, whatever that is blocked in', (context) => {
  if (process.platform === 'win32') context.skip('there are no FIFOs');
  const fifo = join(folder, 'fifo');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
  // Opening blocks the worker, outside of JavaScript, until this thread opens the other end, which
  // is after probe().
  const worker = `
    const { readFileSync } = require('node:fs');
    const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage('about to block');
    parentPort.postMessage(readFileSync(workerData, 'utf8'));`;
  const said = run(`
    import { once } from 'node:events';
    import { writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    const options = { eval: true, execArgv: [], workerData: ${JSON.stringify(fifo)} };
    const worker = new Worker(${JSON.stringify(worker)}, options);
    await once(worker, 'message');
    await sleep(300);
    lib.probe();
    writeFileSync(${JSON.stringify(fifo)}, 'probed');
    console.log((await once(worker, 'message'))[0]);`);
  expect(said).toBe('probed\n');
});
