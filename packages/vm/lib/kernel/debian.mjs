// SPDX-License-Identifier: MIT
// Gets the kernel's source as Debian packages it, through an apt configuration of its own inside
// the cache: the machine's lists, caches and sources stay as they are, and apt still checks the
// signatures. The mirror is the one the machine itself uses, so that no address stands in this
// project.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findCommand } from '../guest/packages.mjs';
import { lastLines } from './run-logged.mjs';

/**
 * What is known to build, boot and grant. Backports drop old versions, hence the fallback to the
 * newest 7.x.
 */
export const PINNED = { package: 'linux-source-7.3', version: '7.3.4-1~bpo13+1' };

/** Suites that carry 7.x, in the order in which they are asked. */
const SUITES = ['trixie-backports', 'sid'];

/**
 * @typedef {{ package: string, version: string }} SourcePackage
 */

/**
 * Picks the mirror of Debian's main archive out of `apt-get indextargets --format '$(REPO_URI)
 * $(ORIGIN)'`.
 * @param {string} targets
 * @returns {string | null}
 */
export function mirrorFrom(targets) {
  const lines = targets.split('\n').filter((line) => line.trim() !== '');
  // The security archive has no backports. The origin is known only once the lists were fetched.
  const usable = lines.filter((line) => !/security/.test(line));
  const best =
    usable.find((line) => / Debian$/.test(line)) ??
    usable.find((line) => /\/debian\/? /.test(`${line} `));
  return best?.split(' ')[0] ?? null;
}

/**
 * Picks the version to take out of `apt-cache madison` lines: the pinned one when it is there, else
 * the newest 7.x.
 * @param {string} madison
 * @param {SourcePackage} [pinned]
 * @returns {SourcePackage | null}
 */
export function chooseVersion(madison, pinned = PINNED) {
  /** @type {SourcePackage[]} */
  const offers = [];
  for (const line of madison.split('\n')) {
    const [name, version] = line.split('|').map((field) => field.trim());
    if (name !== undefined && version !== undefined && /^linux-source-7\.\d+$/.test(name))
      offers.push({ package: name, version });
  }
  const exact = offers.find(
    (offer) => offer.package === pinned.package && offer.version === pinned.version,
  );
  if (exact !== undefined) return exact;
  offers.sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
  return offers[0] ?? null;
}

/**
 * Runs one of apt's commands and gives its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [cwd]
 * @returns {string}
 */
function run(command, args, cwd) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (result.error !== undefined)
    throw new Error(`${command} does not start: ${result.error.message}`);
  if (result.status !== 0) {
    throw new Error(
      `'${command} ${args.join(' ')}' failed:\n${lastLines(result.stdout + result.stderr, 15)}`,
    );
  }
  return result.stdout;
}

/**
 * The options that keep apt inside a folder.
 * @param {string} folder
 * @returns {string[]}
 */
export function privateAptOptions(folder) {
  return [
    `Dir::State::Lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    `Dir::Etc::SourceList=${join(folder, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    // The unprivileged user apt downloads as cannot enter a cache folder in someone's home.
    'APT::Sandbox::User=',
  ].flatMap((option) => ['-o', option]);
}

/** @returns {string} the address of the mirror that the machine's own apt uses */
export function debianMirror() {
  if (findCommand('apt-get') === null)
    throw new Error(
      "This machine has no apt-get, with which Debian's kernel source would be fetched.",
    );
  const targets = run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(ORIGIN)',
    'Created-By: Packages',
  ]);
  const mirror = mirrorFrom(targets);
  if (mirror === null) throw new Error("This machine's apt knows no Debian mirror.");
  return mirror;
}

/**
 * Downloads the source package into the cache, unless it is there, and gives the tarball and its
 * version.
 * @param {string} cache
 * @param {(message: string) => void} say
 * @returns {{ tarball: string, version: string }}
 */
export function downloadDebianSource(cache, say) {
  const apt = join(cache, 'apt');
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, folder), { recursive: true });
  const mirror = sourceMirror();
  const options = privateAptOptions(apt);
  for (const suite of SUITES) {
    say(`looking for a 7.x kernel source in Debian's ${suite}`);
    writeFileSync(join(apt, 'sources.list'), `deb ${mirror} ${suite} main\n`);
    run('apt-get', [...options, 'update']);
    const names = run('apt-cache', [...options, 'pkgnames', 'linux-source-7.'])
      .split('\n')
      .filter((name) => name !== '');
    const choice =
      names.length === 0
        ? null
        : chooseVersion(run('apt-cache', [...options, 'madison', ...names]));
    if (choice === null) continue;
    if (choice.version !== PINNED.version)
      say(`${PINNED.version} is gone, taking ${choice.version}, which nobody has tried yet`);
    return { tarball: fetchPackage(cache, options, choice, say), version: choice.version };
  }
  throw new Error(
    `No linux-source-7.x in Debian's ${SUITES.join(' or ')}. Pass a source of your own with --source FILE|DIR.`,
  );
}

/** @returns {string} */
function sourceMirror() {
  try {
    return debianMirror();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${reason} Get a kernel source of 7.0 or newer and pass it with --source FILE|DIR; kernel.org has them.`,
      { cause: error },
    );
  }
}

/**
 * @param {string} cache
 * @param {string} version
 * @returns {string | null} the tarball of that version, when an earlier run has downloaded it
 */
export function downloadedTarball(cache, version) {
  const folder = join(cache, 'sources', version);
  const name = existsSync(folder)
    ? readdirSync(folder).find((entry) => entry.includes('.tar'))
    : undefined;
  return name === undefined ? null : join(folder, name);
}

/**
 * @param {string} cache
 * @param {readonly string[]} options
 * @param {SourcePackage} choice
 * @param {(message: string) => void} say
 * @returns {string} the tarball
 */
function fetchPackage(cache, options, choice, say) {
  const present = downloadedTarball(cache, choice.version);
  if (present !== null) return present;
  mkdirSync(join(cache, 'sources'), { recursive: true });
  const work = mkdtempSync(join(cache, 'sources', 'download-'));
  try {
    say(`downloading ${choice.package} ${choice.version}`);
    run('apt-get', [...options, 'download', `${choice.package}=${choice.version}`], work);
    const deb = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (deb === undefined)
      throw new Error(`apt-get download of ${choice.package} left no package behind.`);
    run('dpkg-deb', ['-x', deb, 'x'], work);
    const usr = join(work, 'x', 'usr', 'src');
    const tarball = readdirSync(usr).find((name) => name.includes('.tar'));
    if (tarball === undefined) throw new Error(`${deb} holds no kernel tarball in /usr/src.`);
    mkdirSync(join(work, 'done'));
    renameSync(join(usr, tarball), join(work, 'done', tarball));
    renameSync(join(work, 'done'), join(cache, 'sources', choice.version));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const tarball = downloadedTarball(cache, choice.version);
  if (tarball === null)
    throw new Error(`The tarball of ${choice.version} vanished from ${join(cache, 'sources')}.`);
  return tarball;
}
