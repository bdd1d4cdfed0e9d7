// SPDX-License-Identifier: MIT
/**
 * Elsewhere than on Linux, and on a Linux without the addon: the library is imported, and works on
 * the simulated kernel. Child processes take another platform's name before they import anything,
 * and tell what was asked of the system.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { isLong, share } from '../support/share.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-platforms-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};
/** Everything that can be imported from the package and is a program. */
const entries = Object.entries(exports).flatMap(([name, entry]) =>
  typeof entry === 'string' ? [] : [name.replace('.', 'rseq-slice')],
);

/** What it is for is in the addon, so this one looks for it. */
const NATIVE = 'rseq-slice/native';

/**
 * Another platform's name, in workers too, and a list of what only Linux has that was asked for
 * meanwhile.
 */
const preload = join(folder, 'preload.mjs');
writeFileSync(
  preload,
  `
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { PLATFORM } = process.env;
Object.defineProperty(process, 'platform', { value: PLATFORM });
globalThis.asked = [];
const watch = (object, name, isOfLinux) => {
  const original = object[name];
  object[name] = (...args) => {
    if (isOfLinux(...args)) asked.push([name, String(args[0])]);
    return original.apply(object, args);
  };
};
for (const name of ['readFileSync', 'existsSync', 'openSync', 'statSync', 'readdirSync', 'readlinkSync', 'accessSync']) {
  watch(fs, name, (path) => /^\\/(proc|sys|dev|etc)\\//.test(String(path)));
}
for (const name of ['spawn', 'spawnSync', 'execFileSync', 'execSync']) watch(childProcess, name, () => true);
watch(process, 'dlopen', () => true);
syncBuiltinESMExports();
`,
);

const program = `
import { Worker } from 'node:worker_threads';
const modules = {};
const load = async (name) => { modules[name] = Object.keys(await import(name)).length; };
for (const name of ${JSON.stringify(entries.filter((name) => name !== NATIVE))}) await load(name);
const askedByImport = [...asked];
await load('${NATIVE}');
const askedByNative = asked.length - askedByImport.length;
const { attach, Mutex, Outcome, probe, Semaphore, processStats } = await import('rseq-slice');
const { explore, lockModel, SimulatedKernel } = await import('rseq-slice/simulated');
const thread = attach();
const seven = thread.critical(() => 7);
const count = new Int32Array(new SharedArrayBuffer(4));
const mutex = new Mutex();
const source = \`
  import { parentPort, workerData } from 'node:worker_threads';
  const { attach, Mutex, probe } = await import(workerData.index);
  const mutex = Mutex.from(workerData.handle);
  const thread = attach();
  for (let i = 0; i < 1000; i++) mutex.withLock(() => { workerData.count[0]++; });
  parentPort.postMessage({ reason: probe().slices.reason, host: thread.host });\`;
const index = import.meta.resolve('rseq-slice');
const workers = await Promise.all([1, 2].map(() => new Promise((resolve, reject) => {
  new Worker(source, { eval: true, workerData: { index, handle: mutex.handle, count } }).once('message', resolve).once('error', reject);
})));
const locked = await mutex.withLockAsync(() => count[0]);
const permit = await new Semaphore({ permits: 1 }).acquireAsync();
permit.unlock();
const cpu = new SimulatedKernel().thread('a');
const simulated = attach({ host: cpu });
simulated.enter();
cpu.preempt();
const isYielded = simulated.leave() === Outcome.Yielded;
const { violation } = explore(lockModel('mainline', { threads: 2, cpus: 1, rounds: 1 }));
let refused = null;
try { (await import('rseq-slice')).attach({ host: 'linux' }); } catch (error) { refused = error.code; }
const { slices, addon, kernel } = probe();
console.log(JSON.stringify({
  modules, askedByImport, askedByNative, dlopened: asked.filter(([name]) => name === 'dlopen').length, host: thread.host, seven, locked, workers, isYielded, violation, refused,
  reason: slices.reason, remedy: slices.remedy, state: addon.state, abiVersion: kernel.abiVersion, entered: processStats().entered > 0,
}));
`;

/** The package without an addon. */
const bare = join(folder, 'bare');
mkdirSync(bare);
for (const part of ['dist', 'package.json'])
  cpSync(join(root, part), join(bare, part), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(bare, 'node_modules'));

function run(platform: string, cwd: string) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', pathToFileURL(preload).href, '--input-type=module', '-e', program],
    {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, RSEQ_SLICE: '', PLATFORM: platform },
    },
  );
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const PLATFORMS = [
  ['darwin', root, 'not-linux', 'not-linux', /everything works on the simulated kernel/],
  ['win32', root, 'not-linux', 'not-linux', /everything works on the simulated kernel/],
  ['linux', bare, 'addon-missing', 'missing', /npx rseq-slice build/],
] as const;
it.each(share(PLATFORMS, { every: PLATFORMS.length }))(
  '%s in %s: everything can be imported, and works on the simulated kernel',
  (platform, cwd, reason, state, remedy) => {
    const { modules, askedByNative, ...found } = run(platform, cwd);
    if (platform !== 'linux') expect(askedByNative).toBe(0);
    expect(found).toEqual({
      askedByImport: [],
      dlopened: 0,
      host: 'simulated',
      seven: 7,
      locked: 2000,
      workers: [
        { reason, host: 'simulated' },
        { reason, host: 'simulated' },
      ],
      isYielded: true,
      violation: null,
      refused: 'ERR_RSEQ_ALREADY_ATTACHED',
      reason,
      remedy: expect.stringMatching(remedy) as string,
      state,
      abiVersion: null,
      entered: true,
    });
    for (const count of Object.values(modules as Record<string, number>))
      expect(count).toBeGreaterThan(0);
  },
);

if (!isLong)
  it('here, too, nothing is asked of the system by importing', () => {
    expect(run(process.platform, root)).toMatchObject({ askedByImport: [] });
  });
