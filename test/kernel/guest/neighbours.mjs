// SPDX-License-Identifier: MIT
// Other users of rseq beside the library, each scenario in a process of its own: who shares an
// area, who is left alone, and whether anybody loses an update, spins for ever or ends the process.
// What should come of it is the caller's to judge. Arguments: none, for all of them; or the name of
// one.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { attach, Mutex, probe } from 'rseq-slice';
import { describePlace, observer, report, roundsFor, spin, startNeighbour } from './support.mjs';

/** @typedef {import('rseq-slice').Thread} Thread */
/** @typedef {'never' | 'during' | 'after'} Phase when a thread is attached, to when it counts */
/** @typedef {{ count: number, phase: Phase }} Counting count: by what */
/** @typedef {{ own: string, attachFirst?: boolean }} Owning own: the addon with areas of its own */
/** @typedef {{ lock: import('rseq-slice').LockHandle }} Locking */

const JOB = process.env['RSEQ_SLICE_JOB'];
const require = createRequire(import.meta.url);
const BY_CPU = 4;
const BY_CONCURRENCY_ID = 24;
const COUNTS = 30_000;
const BATCH = 1000;
const WORKERS = 3;
const DEADLINE = 120_000;

/** Allocators and a tracer that Debian has; none of them uses rseq as things are. */
const PRELOADS = {
  jemalloc: 'libjemalloc.so',
  mimalloc: 'libmimalloc.so',
  gperftools: 'libtcmalloc_minimal.so',
  'LTTng-ust': 'liblttng-ust.so',
};

/** @param {Pick<Thread, 'host' | 'registration'>} thread */
const describe = ({ host, registration }) =>
  host === 'linux' ? registration : `left alone: ${probe().slices.reason}`;

/**
 * Starts this program as a worker that does one thing; resolves to what it says, and when it has
 * ended.
 * @template Told
 * @param {Counting | Owning | Locking} job
 * @returns {Promise<Told>}
 */
function start(job) {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  return new Promise((resolve, reject) => {
    worker.once('message', async (message) => {
      await ended;
      resolve(message);
    });
    worker.once('error', reject);
  });
}

/**
 * Counts in this thread, in sections where there is a thread for them.
 * @param {number} by
 * @param {Thread | null} thread
 */
function count(by, thread) {
  const counter = require(`${JOB}/counter.node`);
  let done = 0;
  for (let i = 0; i < COUNTS / BATCH; i++) {
    thread?.enter();
    const some = counter.count(by, BATCH);
    thread?.leave();
    done += some;
    // It has tried a hundred thousand times for one.
    if (some < BATCH) break;
  }
  return done;
}

/** One phase in several workers at once. @param {Phase} phase */
async function countInWorkers(phase) {
  const counter = require(`${JOB}/counter.node`);
  /** @type {string[]} */
  const attached = [];
  const found = { phase, asked: 0, committed: 0, lost: 0, yielded: 0, attached };
  for (const by of [BY_CPU, BY_CONCURRENCY_ID]) {
    /** @type {ReturnType<typeof countInPhase>[]} */
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, () => start({ count: by, phase })),
    );
    const committed = workers.reduce((sum, { done }) => sum + done, 0);
    found.asked += WORKERS * COUNTS;
    found.committed += committed;
    found.lost += committed - counter.sum();
    found.yielded += workers.reduce((sum, { yielded }) => sum + yielded, 0);
    found.attached = [...new Set([...found.attached, ...workers.map(({ attached }) => attached)])];
  }
  return found;
}

/** In a worker: counts before, while or after it is attached. @param {Counting} job */
function countInPhase({ count: by, phase }) {
  const thread = phase === 'never' ? null : attach();
  const attached = thread === null ? 'never attached' : describe(thread);
  if (phase === 'after') thread?.detach();
  const done = count(by, phase === 'during' ? thread : null);
  const yielded = thread?.stats().yielded ?? 0;
  if (phase === 'during') thread?.detach();
  return { done, yielded, attached };
}

/** How a worker's allocator served it. @param {Owning} job */
async function modeIn(job) {
  /** @type {ReturnType<typeof owns>} */
  const { mode } = await start(job);
  return mode;
}

/** @satisfies {Record<string, () => Promise<object>>} */
const SCENARIOS = {
  /** Restartable sequences in libc's area, before a thread attaches, while it is, and after. */
  async sequences() {
    const never = await countInWorkers('never');
    const during = await countInWorkers('during');
    const after = await countInWorkers('after');
    return { attached: during.attached.join(), phases: [never, during, after] };
  },
  /**
   * In threads that are created while the main thread is attached, whose area the library took at
   * the user's word where it had to.
   */
  async 'sequences in threads created meanwhile'() {
    const { libc } = probe();
    const thread = attach({
      registration:
        libc.registered &&
        libc.flags?.available !== true &&
        probe().kernel.abiVersion === 'mainline'
          ? 'replace'
          : 'auto',
    });
    const attached = describe(thread);
    const phases = [await countInWorkers('never')];
    thread.detach();
    phases.push(await countInWorkers('never'));
    return { attached, phases };
  },
  /** An allocator with areas of its own that was there before. */
  async 'areas of its own, before'() {
    const owner = require(`${JOB}/owner.node`);
    const modes = [owner.use()];
    const thread = attach();
    const attached = describe(thread);
    modes.push(await modeIn({ own: 'owner.node', attachFirst: true }), owner.use());
    thread.detach();
    modes.push(owner.use(), await modeIn({ own: 'owner.node' }));
    return { attached, modes };
  },
  /**
   * One that comes later: it cannot be seen, and its threads must find what libc meant them to
   * have.
   */
  async 'areas of its own, after'() {
    const thread = attach();
    const attached = describe(thread);
    const modes = [await modeIn({ own: 'owner.node' })];
    thread.detach();
    modes.push(require(`${JOB}/owner.node`).use(), await modeIn({ own: 'owner.node' }));
    return { attached, modes };
  },
  /** The same, and it cannot be seen at all. */
  async 'areas of its own, hidden'() {
    const thread = attach();
    const attached = describe(thread);
    const modes = [await modeIn({ own: 'hidden.node' })];
    thread.detach();
    modes.push(require(`${JOB}/hidden.node`).use(), await modeIn({ own: 'hidden.node' }));
    return { attached, modes };
  },
  /** A lock that the main thread makes and eight workers take: who has which area when. */
  async 'a lock and eight workers'() {
    const owners = [probe().owner];
    const lock = new Mutex();
    owners.push(probe().owner);
    /** @type {ReturnType<typeof takeLock>[]} */
    const workers = await Promise.all(
      Array.from({ length: 8 }, () => start({ lock: lock.handle })),
    );
    owners.push(probe().owner);
    return {
      attached: [...new Set(workers.map(({ attached }) => attached))].join(),
      owners,
      workers: workers.map((worker) => worker.owners),
    };
  },
  /** Another copy of the package in the same thread: the first of them goes first. */
  async 'two copies of the package'() {
    const other = await import(`${JOB}/copy/dist/index.js`);
    const neighbour = await startNeighbour(0);
    observer.pinTo(0);
    const rounds = roundsFor(20);
    const [first, second] = [attach(), other.attach()];
    const attached = describe(first);
    const copy =
      second.host === 'linux' ? second.registration : `left alone: ${other.probe().slices.reason}`;
    const spinFor = (/** @type {Thread} */ thread, /** @type {number} */ ms) => {
      const before = thread.stats().yielded;
      const end = performance.now() + ms;
      while (performance.now() < end) thread.critical(() => spin(rounds));
      return thread.stats().yielded - before;
    };
    const yielded = spinFor(first, 1500);
    first.detach();
    const later = spinFor(second, 1500);
    second.detach();
    await neighbour.stop();
    return { attached, copy, yielded, later, owner: probe().owner };
  },
  /** Just sections: for what is preloaded. */
  async plain() {
    const neighbour = await startNeighbour(0);
    observer.pinTo(0);
    const rounds = roundsFor(20);
    const thread = attach();
    const attached = describe(thread);
    const end = performance.now() + 1500;
    while (performance.now() < end) thread.critical(() => spin(rounds));
    const { yielded } = thread.stats();
    thread.detach();
    await neighbour.stop();
    return {
      attached,
      yielded,
      users: probe().users,
      isLoaded: readFileSync('/proc/self/maps', 'latin1').includes(
        process.env['LD_PRELOAD'] || 'node',
      ),
    };
  },
};

/**
 * In a worker: has an area of the addon's own.
 * @param {Owning} job
 * @returns {{ mode: string }}
 */
function owns({ own, attachFirst = false }) {
  const thread = attachFirst ? attach() : null;
  const mode = require(`${JOB}/${own}`).use();
  thread?.detach();
  return { mode };
}

/** In a worker: takes a lock while it is attached. @param {Locking} job */
function takeLock(job) {
  const owners = [probe().owner];
  const thread = attach();
  const attached = describe(thread);
  const lock = Mutex.from(job.lock, { thread });
  for (let i = 0; i < 1000; i++) lock.withLock(() => i);
  owners.push(probe().owner);
  thread.detach();
  owners.push(probe().owner);
  return { attached, owners };
}

/** In a worker. @param {Counting | Owning | Locking} job */
function work(job) {
  if ('count' in job) return countInPhase(job);
  return 'own' in job ? owns(job) : takeLock(job);
}

/**
 * One scenario in a process of its own.
 * @param {string} name
 * @param {Readonly<Record<string, string>>} [environment]
 */
function run(name, environment = {}) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), name],
    {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
      timeout: DEADLINE,
    },
  );
  return { status, signal, stderr, ...(status === 0 ? { found: JSON.parse(stdout) } : {}) };
}

/** @param {string} name */
function findLibrary(name) {
  // Each release of a system has another version at the end.
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].filter((folder) =>
    existsSync(folder),
  );
  const paths = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.startsWith(`${name}.`))
      .sort()
      .map((file) => `${folder}/${file}`),
  );
  return paths[0];
}

const scenario = /** @type {keyof typeof SCENARIOS | undefined} */ (process.argv[2]);
if (!isMainThread) parentPort?.postMessage(work(workerData));
else if (scenario !== undefined) report(await SCENARIOS[scenario]());
else {
  const area = probe().owner === 'libc';
  const thread = attach();
  const place = describePlace(thread);
  thread.detach();
  const results = Object.keys(SCENARIOS)
    .filter((name) => name !== 'plain')
    .map((name) => ({ name, ...run(name) }));
  const skipped = [];
  for (const [name, library] of Object.entries(PRELOADS)) {
    const path = findLibrary(library);
    if (path === undefined) skipped.push(`${name}: there is no ${library}.* here`);
    else results.push({ name: `${name}, preloaded`, ...run('plain', { LD_PRELOAD: path }) });
  }
  report({ place, area, results, skipped });
}
