// SPDX-License-Identifier: MIT
/** Options, RSEQ_SLICE and the choice of a kernel, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const library = new URL('../../dist/index.js', import.meta.url).href;
const simulated = new URL('../../dist/simulated/index.js', import.meta.url).href;

/** Runs a program with the built library; it must end by itself, without a signal. */
function run(source: string, environment: Record<string, string> = {}): unknown {
  const child = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `import * as lib from ${JSON.stringify(library)};\n${source}`],
    { encoding: 'utf8', env: { ...process.env, RSEQ_SLICE: '', ...environment } },
  );
  expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: '',
  });
  return JSON.parse(child.stdout);
}

const code = (call: string) => `
  try { ${call}; console.log('null') } catch (error) {
    console.log(JSON.stringify({ code: error.code, ours: lib.RseqSliceError.is(error), errno: error.errno }))
  }`;

it.each([
  ['attach({ host: "windows" })'],
  ['attach({ backnd: "linux" })'],
  ['attach({ abiVersion: 7 })'],
  ['attach(3)'],
  ['attach([])'],
  ['attach(new Map([["host", "linux"]]))'],
  ['attach(Object.create({ host: "windows" }))'],
  ['attach({ host: { [Symbol.for("rseq-slice.connect")]: 3 } })'],
])('refuses lib.%s', (call) => {
  expect(run(code(`lib.${call}`))).toMatchObject({ code: 'ERR_RSEQ_INVALID_OPTION', ours: true });
});

it('refuses a meaningless RSEQ_SLICE', () => {
  expect(run(code('lib.attach()'), { RSEQ_SLICE: 'maybe' })).toMatchObject({
    code: 'ERR_RSEQ_INVALID_OPTION',
  });
});

it('gives the same object twice and a new one after detach', () => {
  expect(
    run(`
      const a = lib.attach({ host: 'simulated' });
      const same = a === lib.attach();
      a.detach();
      const still = a === lib.attach();
      a.detach();
      a.detach();
      console.log(JSON.stringify([same, still, a !== lib.attach()]))`),
  ).toEqual([true, true, true]);
});

const HOST_NAMES = [
  ['the calling thread', "const get = (options) => lib.attach({ host: 'simulated', ...options });"],
  [
    'a simulated thread',
    `const { SimulatedKernel } = await import(${JSON.stringify(simulated)});
    const host = new SimulatedKernel().thread();
    const get = (options) => lib.attach({ host, ...options });`,
  ],
] as const;

const TRY = `
  const outcome = (call) => { try { call(); return 'done' } catch (error) { return error.code } };`;

it.each(HOST_NAMES)('counts those who attach %s', (_, get) => {
  expect(
    run(`${get}${TRY}
      const [mine, yours] = [get(), get()];
      const detach = () => outcome(() => mine.detach());
      mine.enter();
      const results = [mine === yours, detach(), outcome(() => yours.critical(() => 1)), detach()];
      mine.leave();
      results.push(detach(), detach(), outcome(() => yours.enter()));
      const anew = get();
      results.push(anew !== mine, outcome(() => anew.critical(() => 1)), detach());
      console.log(JSON.stringify([...results, anew.stats().entered]))`),
  ).toEqual([
    ...[true, 'done', 'done', 'ERR_RSEQ_IN_SECTION'],
    ...['done', 'ERR_RSEQ_DETACHED', 'ERR_RSEQ_DETACHED'],
    ...[true, 'done', 'ERR_RSEQ_DETACHED', 1],
  ]);
});

it.each(HOST_NAMES)('counts nobody who asks for something else of %s', (_, get) => {
  const code = get.includes('SimulatedKernel')
    ? 'ERR_RSEQ_INVALID_OPTION'
    : 'ERR_RSEQ_ALREADY_ATTACHED';
  expect(
    run(`${get}${TRY}
      const thread = get();
      const others = [{ controlWord: 'native' }, { abiVersion: 'rfc' }, { abiVersion: 'none' }];
      const refused = others.map((options) => outcome(() => get(options)));
      console.log(JSON.stringify([...refused, outcome(() => thread.detach()), outcome(() => thread.enter())]))`),
  ).toEqual([code, code, 'ERR_RSEQ_INVALID_OPTION', 'done', 'ERR_RSEQ_DETACHED']);
});

it('keeps a thread attached for its locks, whoever else detaches', () => {
  expect(
    run(`${TRY}
      const locks = [new lib.Mutex(), new lib.SpinLock(), new lib.Semaphore({ permits: 1 }), new lib.RwLock()];
      const take = () => [locks[0].tryLock(), locks[1].tryLock(), locks[2].tryAcquire(), locks[3].tryReadLock()];
      for (const token of take()) token.unlock();
      const mine = lib.attach();
      mine.critical(() => 1);
      mine.detach();
      const tokens = take();
      for (const token of tokens) token.unlock();
      (await locks[0].lockAsync()).unlock();
      console.log(JSON.stringify([tokens.map((token) => token.locked), outcome(() => mine.critical(() => 1))]))`),
  ).toEqual([[false, false, false, false], 'done']);
});

it('leaves a lock its thread, however often others detach', () => {
  expect(
    run(`${TRY}
      const lock = new lib.Mutex();
      lock.tryLock().unlock();
      const mine = lib.attach();
      mine.detach();
      const tooOften = outcome(() => mine.detach());
      lock.tryLock().unlock();
      const again = lib.attach();
      console.log(JSON.stringify([tooOften, outcome(() => lock.tryLock().unlock()), again === mine, outcome(() => again.critical(() => 1))]))`),
  ).toEqual(['ERR_RSEQ_DETACHED', 'done', true, 'done']);
});

it('lets a condition wait in a thread that cannot be attached, and the lock is held as before', () => {
  expect(
    run(`${TRY}
      const options = { blockMainThread: true };
      const [lock, condition] = [new lib.Mutex(options), new lib.Condition(options)];
      const token = await lock.lockAsync();
      process.env.RSEQ_SLICE = 'nonsense';
      const waited = condition.wait(token, { timeout: 20 });
      console.log(JSON.stringify([waited, token.locked, lock.tryLock === undefined, condition.notify(), outcome(() => lock.lock())]));
      token.unlock();`),
  ).toEqual([false, true, false, 0, 'ERR_RSEQ_INVALID_OPTION']);
});

it('does not attach a thread that makes locks and waits in its event loop, until one needs a section', () => {
  expect(
    run(
      `
      const locks = [new lib.Mutex(), new lib.SpinLock(), new lib.Semaphore({ permits: 1 }), new lib.RwLock(), new lib.Condition(), new lib.Barrier({ parties: 1 }), new lib.Queue({ capacity: 1, recordBytes: 1 })];
      const seen = [lib.probe().thread];
      for (const lock of locks) { String(lock.handle); JSON.stringify(lock.stats?.()); }
      (await locks[0].lockAsync()).unlock();
      await locks[0].withLockAsync(() => 1);
      await locks[2].withPermitAsync(() => 1);
      await locks[3].withReadLockAsync(() => 1);
      await locks[3].withWriteLockAsync(() => 1);
      locks[4].notifyAll();
      seen.push(lib.probe().thread);
      locks[0].tryLock().unlock();
      seen.push(lib.probe().thread.host);
      console.log(JSON.stringify(seen))`,
      { RSEQ_SLICE: 'simulated' },
    ),
  ).toEqual([null, null, 'simulated']);
});

it('refuses a second host or ABI version in one thread', () => {
  const first = "lib.attach({ host: 'simulated', abiVersion: 'rfc' });";
  expect(run(first + code("lib.attach({ host: 'linux' })"))).toMatchObject({
    code: 'ERR_RSEQ_ALREADY_ATTACHED',
  });
  expect(run(first + code("lib.attach({ abiVersion: '7.0' })"))).toMatchObject({
    code: 'ERR_RSEQ_ALREADY_ATTACHED',
  });
});

it('obeys RSEQ_SLICE=simulated', () => {
  expect(run('console.log(JSON.stringify(lib.attach().host))', { RSEQ_SLICE: 'simulated' })).toBe(
    'simulated',
  );
});

it.runIf(process.platform === 'linux')('loads no addon that nobody wants', () => {
  const source = `
    import { readFileSync } from 'node:fs';
    const isLoaded = () => readFileSync('/proc/self/maps', 'utf8').includes('rseq_slice.node');
    const seen = [isLoaded()];
    lib.attach({ host: 'simulated' }).critical(() => undefined);
    seen.push(isLoaded());
    lib.probe();
    seen.push(isLoaded());
    console.log(JSON.stringify(seen));`;
  const { addon } = run('console.log(JSON.stringify(lib.probe()))') as { addon: { state: string } };
  expect(run(source)).toEqual([false, false, addon.state === 'loaded']);
});

it('says why slices are unavailable, or has them', () => {
  const { thread, slices } = run(`
    lib.attach();
    console.log(JSON.stringify(lib.probe()))`) as ReturnType<
    typeof import('../../lib/index.ts').probe
  >;
  expect(thread?.host).toBe(slices.available ? 'linux' : 'simulated');
  expect(slices.remedy === '').toBe(slices.available);
});

it('fails with errno when the kernel is demanded and cannot', (context) => {
  const available = run('console.log(JSON.stringify(lib.probe().slices.available))');
  if (available === true) context.skip('this kernel has slices');
  expect(run(code("lib.attach({ host: 'linux' })"))).toMatchObject({
    code: 'ERR_RSEQ_UNAVAILABLE',
    errno: expect.any(Number) as number,
  });
});

it('works in eight workers at once', () => {
  const worker = `
    import { attach } from ${JSON.stringify(library)};
    const thread = attach();
    for (let i = 0; i < 1000; i++) thread.critical(() => i);
    import('node:worker_threads').then(({ parentPort }) => parentPort.postMessage(thread.stats().entered));`;
  expect(
    run(`
      import { Worker } from 'node:worker_threads';
      const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)}));
      const counts = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
        new Worker(url).on('message', resolve).on('error', reject);
      })));
      console.log(JSON.stringify(counts))`),
  ).toEqual(Array(8).fill(1000));
});
