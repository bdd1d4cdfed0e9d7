// SPDX-License-Identifier: MIT
// The command `npm run package`: the tarballs of the library, its tools and its guests, made of
// what is built anew for them. What only a published package knows is written on the way: where it
// is published from, and where links lead from there.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PUBLISHED, root } from '../native/target.mjs';
import { reachedDeclarations } from './declarations.mjs';
import { relink } from './pages.mjs';
import { describeRepository, findRepository } from './repository.mjs';
import { refuseUsage } from '../../packages/vm/lib/refuse-usage.mjs';

const HELP = `Builds the library, its tools and the prebuilt addon, and packs the three packages.

  node scripts/package/pack.mjs [options]

  --release   for publishing: the addons in prebuilds/ are taken as they are, and nothing is packed unless the repository
              that this is published from is known
  --help      this text

The repository is $GITHUB_SERVER_URL/$GITHUB_REPOSITORY, else that of the git remote origin; each package.json gets it.
Exit codes: 0 done, 1 something failed, 2 usage error.
`;

/**
 * What is published, and where it is in the repository: the library first, because the tools need
 * it.
 * @type {readonly { readonly name: string, readonly folder: string }[]}
 */
export const PACKAGES = [
  { name: 'rseq-slice', folder: '.' },
  { name: 'rseq-slice-tools', folder: 'packages/tools' },
  { name: 'rseq-slice-vm', folder: 'packages/vm' },
];

/** Of a checkout alone. */
const NOT_PUBLISHED = ['workspaces', 'scripts', 'devDependencies'];

/**
 * @typedef {object} Packed
 * @property {string} name
 * @property {string} version
 * @property {string} path
 * @property {readonly string[]} files in it
 * @property {number} size bytes of the tarball
 * @property {number} unpackedSize bytes of its files
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
  const [{ name, version, filename, files, size, unpackedSize }] = JSON.parse(output);
  const paths = files.map((/** @type {{ path: string }} */ { path }) => path);
  return { name, version, path: filename, files: paths, size, unpackedSize };
}

/** A package that was made before. @param {string} path @returns {Packed} */
function readTarball(path) {
  const packed = readPacked(
    runStep('reading the package', ['npm', 'pack', path, '--dry-run', '--json']),
  );
  const description = JSON.parse(
    runStep('reading package.json', ['tar', '-xOzf', path, 'package/package.json']),
  );
  return { ...packed, path, repository: description.repository?.url ?? null };
}

/**
 * The packages that were made before, of the version that the checkout has.
 * @param {string} folder
 * @returns {readonly Packed[]} as in PACKAGES
 */
export function readTarballs(folder) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return PACKAGES.map(({ name }) => readTarball(resolve(folder, `${name}-${version}.tgz`)));
}

/**
 * The files of a package in a folder of their own.
 * @param {string} staged
 * @param {string} folder the package's, in the repository
 * @param {string | null} repository
 */
function stage(staged, folder, repository) {
  const from = join(root, folder);
  const list = ['npm', 'pack', '--dry-run', '--json', '--ignore-scripts'];
  const { files: all } = readPacked(runStep('listing the files', list, from));
  const declarations = reachedDeclarations(from);
  const files = all.filter((name) => !name.endsWith('.d.ts') || declarations.has(name));
  const known = new Set([...files, 'LICENSE']);
  const description = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  const source = repository === null ? null : `${repository}/blob/v${description.version}`;
  for (const name of files) {
    const to = join(staged, name === 'binding.gyp' ? PUBLISHED : name);
    cpSync(join(from, name), to);
    if (name.endsWith('.md'))
      writeFileSync(to, relink(readFileSync(to, 'utf8'), name, known, source, folder));
  }
  cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'));
  const published = Object.entries(description).filter(([key]) => !NOT_PUBLISHED.includes(key));
  const own = {
    ...Object.fromEntries(published),
    files: description.files.map((/** @type {string} */ name) =>
      name === 'binding.gyp' ? PUBLISHED : name,
    ),
    ...(repository === null ? {} : describeRepository(repository, folder)),
  };
  writeFileSync(join(staged, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
}

/**
 * @param {string} folder the package's, in the repository
 * @param {string} destination for the tarball
 * @param {string | null} repository
 * @returns {Packed}
 */
function packOne(folder, destination, repository) {
  const staged = mkdtempSync(join(tmpdir(), 'rseq-slice-pack-'));
  try {
    stage(staged, folder, repository);
    const command = ['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination'];
    const packed = readPacked(runStep('npm pack', [...command, destination], staged));
    return { ...packed, path: join(destination, packed.path), repository };
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/**
 * Builds the library, its tools and the prebuilt addon, and packs the packages.
 * @param {string} destination for the tarballs
 * @param {{ isRelease?: boolean, packages?: typeof PACKAGES }} [options]
 * @returns {readonly Packed[]} in the order of the packages
 */
export function pack(destination, { isRelease = false, packages = PACKAGES } = {}) {
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
  return packages.map(({ folder }) => packOne(folder, destination, repository));
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
    const packed = pack(root, { isRelease: options.release === true });
    for (const { path, files, size } of packed)
      process.stdout.write(
        `${path}: ${files.length} files, ${size.toLocaleString('en')} bytes packed\n`,
      );
    process.stdout.write(
      packed[0]?.repository
        ? `They name the repository ${packed[0].repository}.\n`
        : 'They name no repository: git has no remote called origin here that has an address.\n',
    );
    return 0;
  } catch (error) {
    process.stderr.write(`package: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
