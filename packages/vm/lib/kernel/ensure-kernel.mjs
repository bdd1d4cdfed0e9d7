// SPDX-License-Identifier: MIT
// Gives a kernel of a flavour: out of the cache at once, or built and published there. A build
// happens in a temporary folder and is renamed into place when all of it succeeded, so what is in
// the cache is whole.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages, findCommand, installAdvice, missingNeeds } from '../guest/packages.mjs';
import {
  applyEdits,
  buildImage,
  buildSliceTest,
  configure,
  keepResults,
  kernelVersion,
  settleTools,
} from './build.mjs';
import { cacheDirectory, cacheKey, withLock } from './cache.mjs';
import { DEFAULT_FLAVOUR, editsText, flavourNamed } from './flavours.mjs';
import { startProgress } from './progress.mjs';
import { runLogged } from './run-logged.mjs';
import { openSource, unpackSource } from './source.mjs';

const FRAGMENT = join(dirname(fileURLToPath(import.meta.url)), 'fragment.config');

/**
 * A built tree makes another flavour a matter of a minute; above this size that is not worth the
 * room it takes.
 */
const LARGEST_KEPT_TREE_BYTES = 2e9;

/**
 * @typedef {object} Kernel
 * @property {string} image the bzImage
 * @property {string} directory the cache entry it is in
 * @property {string} version as `uname -r` in the guest says, for example 7.3.4
 * @property {string} flavour
 * @property {string} sliceTest the kernel's own selftest, a static program
 * @property {string | null} tree the built tree, when it was kept
 */

/**
 * @typedef {object} KernelOptions
 * @property {string} [flavour] default 'mainline'
 * @property {string} [source] tarball or tree; default Debian's source package
 * @property {string} [cache] default {@link cacheDirectory}
 * @property {boolean | undefined} [keepTree] default: kept when other flavours are built on it and
 * it has less than 2 GB
 * @property {boolean} [rebuild] default false
 * @property {number} [jobs] default one a CPU
 * @property {(message: string) => void} [say] default: a line on stderr
 */

/** @returns {string} */
function compilerLine() {
  const gcc = spawnSync('gcc', ['--version'], { encoding: 'utf8' });
  if (gcc.status !== 0)
    throw new Error(installAdvice(missingNeeds(['build'], (item) => item !== 'gcc')));
  return gcc.stdout.split('\n')[0] ?? '';
}

/**
 * @param {string} directory
 * @returns {Kernel | null} what an entry of the cache holds, or null when it is not there
 */
export function readEntry(directory) {
  const file = join(directory, 'kernel.json');
  if (!existsSync(file)) return null;
  /** @type {{ version: string, flavour: string, image: string, sliceTest: string }} */
  const record = JSON.parse(readFileSync(file, 'utf8'));
  const tree = join(directory, 'tree');
  return {
    image: join(directory, record.image),
    directory,
    version: record.version,
    flavour: record.flavour,
    sliceTest: join(directory, record.sliceTest),
    tree: existsSync(tree) ? tree : null,
  };
}

/**
 * @param {KernelOptions} [options]
 * @returns {Promise<Kernel>}
 */
export async function ensureKernel(options = {}) {
  const say = options.say ?? ((message) => process.stderr.write(`kernel: ${message}\n`));
  const flavour = flavourNamed(options.flavour ?? DEFAULT_FLAVOUR);
  const cache = options.cache ?? cacheDirectory();
  ensurePackages(['source', 'build'], say);
  const source = openSource(options.source, cache, say);
  const compiler = compilerLine();
  const job = createJob({ options, flavour, source, cache, compiler, say });
  if (options.rebuild !== true) {
    const cached = readEntry(job.entry());
    if (cached !== null) return cached;
  }
  return await withLock(
    cache,
    'build',
    async () => {
      // Someone else may have built it while we waited for the lock.
      const built = options.rebuild === true ? null : readEntry(job.entry());
      return built ?? (await build(job));
    },
    say,
  );
}

/**
 * The kernel of a flavour, if it can be had at once. Nothing is installed, fetched or built.
 * @param {string} flavour
 * @param {string} [cache] default {@link cacheDirectory}
 * @returns {Kernel | null}
 */
export function findKernel(flavour, cache = cacheDirectory()) {
  // Which kernel it would be depends on the compiler that is there.
  if (missingNeeds(['build'], (item) => item !== 'gcc' || findCommand(item) !== null).length > 0)
    return null;
  const say = () => undefined;
  const source = openSource(undefined, cache, say);
  const job = { options: {}, flavour: flavourNamed(flavour), source, cache, say };
  return readEntry(createJob({ ...job, compiler: compilerLine() }).entry());
}

/**
 * One kernel to be had.
 * @typedef {object} Job
 * @property {KernelOptions} options
 * @property {import('./flavours.mjs').Flavour} flavour
 * @property {import('./source.mjs').Source} source
 * @property {string} cache
 * @property {string} compiler
 * @property {() => string} key
 * @property {() => string} entry
 * @property {(message: string) => void} say
 */

/** @param {Omit<Job, 'key' | 'entry'>} ingredients @returns {Job} */
function createJob(ingredients) {
  const { flavour, source, cache, compiler } = ingredients;
  // Functions, since a tree that is used as source can be found to be another one when it is
  // unpacked.
  const key = () =>
    cacheKey({
      source: source.identity,
      flavour: flavour.name,
      fragment: readFileSync(FRAGMENT, 'utf8'),
      edits: editsText(flavour),
      compiler,
    });
  return { ...ingredients, key, entry: () => join(cache, 'kernels', `${flavour.name}-${key()}`) };
}

/**
 * @param {Job} job
 * @returns {Promise<Kernel>}
 */
async function build(job) {
  const { options, flavour, source, cache, compiler, key, entry, say } = job;
  const kernels = join(cache, 'kernels');
  mkdirSync(kernels, { recursive: true });
  removeAbandoned(kernels);
  const base = flavour.base === null ? null : await ensureBase(job, flavour.base);
  const work = mkdtempSync(join(kernels, 'building-'));
  const log = join(work, 'build.log');
  const tree = join(work, 'tree');
  const progress = startProgress('kernel');
  const buildOptions = {
    log,
    progress,
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
  };
  const started = Date.now();
  try {
    writeFileSync(log, '');
    if (base === null) await unpackSource(source, tree, buildOptions);
    else await runLogged('cp', ['-a', base, tree], { log, progress });
    applyEdits(tree, flavour.edits);
    await configure(tree, FRAGMENT, flavour.config, buildOptions);
    if (base !== null) await settleTools(tree, buildOptions);
    const image = await buildImage(tree, buildOptions, flavour.objects);
    keepResults(tree, image, work);
    await buildSliceTest(tree, join(work, 'slice_test'), buildOptions);
    const version = await kernelVersion(tree, buildOptions);
    // Nothing is built on a flavour's tree.
    const kept = await settleTree(
      tree,
      options.keepTree ?? (base === null ? undefined : false),
      log,
    );
    const seconds = Math.round((Date.now() - started) / 1000);
    const record = {
      version,
      flavour: flavour.name,
      key: key(),
      source: source.identity,
      compiler,
      date: new Date().toISOString(),
      seconds,
    };
    const paths = {
      image: 'bzImage',
      sliceTest: 'slice_test',
      config: '.config',
      log: 'build.log',
      tree: kept ? 'tree' : null,
    };
    writeFileSync(
      join(work, 'kernel.json'),
      `${JSON.stringify({ ...record, ...paths }, null, 2)}\n`,
    );
    publish(work, entry(), kernels, flavour.name);
    progress.stop();
    say(`built ${version} (${flavour.name}) in ${seconds} s`);
  } catch (error) {
    progress.stop();
    // The tree is big and of no use to anybody; the log is what one reads.
    rmSync(tree, { recursive: true, force: true });
    throw error;
  }
  const done = readEntry(entry());
  if (done === null)
    throw new Error(
      `The kernel was built and is not in ${entry()}: something else removes files from the cache.`,
    );
  return done;
}

/**
 * The built tree that a flavour starts from. We hold the lock already, so this builds it itself
 * when it is not there.
 * @param {Job} job
 * @param {string} name of the base
 * @returns {Promise<string>}
 */
async function ensureBase(job, name) {
  const base = createJob({
    ...job,
    flavour: flavourNamed(name),
    options: { ...job.options, keepTree: true },
  });
  const tree = readEntry(base.entry())?.tree ?? (await build(base)).tree;
  if (tree === null)
    throw new Error(
      `The kernel '${name}' was built without keeping its tree, from which '${job.flavour.name}' is made.`,
    );
  return tree;
}

/**
 * A build that was killed leaves its folder behind. We hold the lock, so nobody else is building,
 * and what is there from earlier is waste, but for the logs of failures, which are small and asked
 * for.
 * @param {string} kernels
 * @returns {void}
 */
function removeAbandoned(kernels) {
  for (const name of readdirSync(kernels)) {
    if (name.startsWith('building-')) rmSync(join(kernels, name), { recursive: true, force: true });
  }
}

/**
 * @param {string} tree
 * @param {boolean | undefined} keep
 * @param {string} log
 * @returns {Promise<boolean>} whether the tree is still there
 */
async function settleTree(tree, keep, log) {
  const du = spawnSync('du', ['-s', '--block-size=1', tree], { encoding: 'utf8' });
  const bytes = Number.parseInt(du.stdout, 10);
  if (keep ?? bytes < LARGEST_KEPT_TREE_BYTES) return true;
  await runLogged('rm', ['-rf', tree], { log });
  return false;
}

/**
 * Renames a finished build into place, and drops the trees of older builds of the same flavour: one
 * is enough to start other flavours from.
 * @param {string} work
 * @param {string} target
 * @param {string} kernels
 * @param {string} flavour
 * @returns {void}
 */
function publish(work, target, kernels, flavour) {
  if (existsSync(target)) {
    const old = `${target}.old`;
    rmSync(old, { recursive: true, force: true });
    renameSync(target, old);
    rmSync(old, { recursive: true, force: true });
  }
  renameSync(work, target);
  for (const name of readdirSync(kernels)) {
    const tree = join(kernels, name, 'tree');
    if (
      name.startsWith(`${flavour}-`) &&
      join(kernels, name) !== target &&
      existsSync(tree) &&
      statSync(tree).isDirectory()
    ) {
      rmSync(tree, { recursive: true, force: true });
    }
  }
}
