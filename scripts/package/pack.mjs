// SPDX-License-Identifier: MIT
// The command `npm run package`: the tarball that is published, made of what is built anew for it.
// What only the package knows is written on the way: where it is published from, and where links
// lead from there.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from '../native/target.mjs';
import { relink } from './pages.mjs';
import { describeRepository, findRepository } from './repository.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const HELP = `Builds the library and the prebuilt addon, and packs them.

  node scripts/package/pack.mjs [options]

  --release   for publishing: the addons in prebuilds/ are taken as they are, and where it is not known what repository this
              is published from, nothing is packed
  --help      this text

The repository is $GITHUB_SERVER_URL/$GITHUB_REPOSITORY, else that of the git remote origin; package.json of the package
gets it. Exit codes: 0 done, 1 something failed, 2 wrong usage.
`;

/**
 * @typedef {object} Packed
 * @property {string} path
 * @property {readonly string[]} files in it
 * @property {number} size bytes of the tarball
 * @property {string | null} repository where it says it comes from
 */

/**
 * @param {string} step
 * @param {readonly string[]} command
 * @param {string} [cwd]
 * @returns {string} stdout
 */
function runStep(step, [program = '', ...args], cwd = root) {
  // What it prints is read, so nothing else may print.
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: undefined },
  });
  if (status !== 0) throw new Error(`${step} failed:\n${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

/** @param {string} output of `npm pack --json` @returns {Omit<Packed, 'repository'>} */
function readPacked(output) {
  const [{ filename, files, size }] = JSON.parse(output);
  return {
    path: filename,
    files: files.map((/** @type {{ path: string }} */ { path }) => path),
    size,
  };
}

/** A package that was made before. @param {string} path @returns {Packed} */
export function readTarball(path) {
  const full = resolve(path);
  const packed = readPacked(
    runStep('reading the package', ['npm', 'pack', full, '--dry-run', '--json']),
  );
  const description = JSON.parse(
    runStep('reading package.json', ['tar', '-xOzf', full, 'package/package.json']),
  );
  return { ...packed, path: full, repository: description.repository?.url ?? null };
}

/**
 * The files of the package in a folder of their own.
 * @param {string} folder
 * @param {string | null} repository
 */
function stage(folder, repository) {
  const { files } = readPacked(
    runStep('listing the files', ['npm', 'pack', '--dry-run', '--json', '--ignore-scripts']),
  );
  const known = new Set(files);
  const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const source = repository === null ? null : `${repository}/blob/v${description.version}`;
  for (const name of files) {
    const to = join(folder, name);
    cpSync(join(root, name), to);
    if (name.endsWith('.md'))
      writeFileSync(to, relink(readFileSync(to, 'utf8'), name, known, source));
  }
  const all = { ...description, ...(repository === null ? {} : describeRepository(repository)) };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(all, null, 2)}\n`);
}

/**
 * Builds the library and the prebuilt addon, and packs them.
 * @param {string} folder for the tarball
 * @param {{ isRelease?: boolean }} [options]
 * @returns {Packed}
 */
export function pack(folder, { isRelease = false } = {}) {
  const repository = findRepository(root);
  if (isRelease && repository === null) {
    throw new Error(
      'It is not known which repository this is published from, and the registry refuses provenance without it. Set GITHUB_SERVER_URL and GITHUB_REPOSITORY, as a workflow has them, or a git remote origin.',
    );
  }
  runStep('building the library', [process.execPath, join(root, 'scripts/build-lib.mjs')]);
  if (process.platform === 'linux' && !isRelease)
    runStep('compiling the prebuilt addon', [
      process.execPath,
      join(root, 'scripts/package/prebuild.mjs'),
    ]);
  const staged = mkdtempSync(join(tmpdir(), 'rseq-slice-pack-'));
  try {
    stage(staged, repository);
    const packed = readPacked(
      runStep(
        'npm pack',
        ['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder],
        staged,
      ),
    );
    return { ...packed, path: join(folder, packed.path), repository };
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** @returns {number} the exit code */
function main() {
  /** @type {{ release?: boolean, help?: boolean }} */
  let options;
  try {
    options = parseArgs({
      options: { release: { type: 'boolean' }, help: { type: 'boolean' } },
    }).values;
  } catch (error) {
    refuseUsage('package', error);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    const { path, files, size, repository } = pack(root, { isRelease: options.release === true });
    process.stdout.write(
      `${path}: ${files.length} files, ${size.toLocaleString('en')} bytes, ${repository === null ? 'without the address of a repository, since git has no remote called origin here that has one' : `of ${repository}`}\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
