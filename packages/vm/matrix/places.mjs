// SPDX-License-Identifier: MIT
// What a row needs beside a kernel: another root file system with another libc, and other versions
// of Node. Each is made once, in a temporary folder of the cache, and renamed into place when all
// of it succeeded.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, withLock } from '../lib/kernel/cache.mjs';
import { debianMirror } from '../lib/kernel/debian.mjs';
import { runLogged } from '../lib/kernel/run-logged.mjs';
import { ensurePackages } from '../lib/guest/packages.mjs';

/** @typedef {(message: string) => void} Say */

// The allocators and the tracer are what other users of rseq are tried with.
const ROOTS = {
  'debian-13': {
    suite: 'trixie',
    include: [
      'nodejs',
      'libjemalloc2',
      'libmimalloc3',
      'libtcmalloc-minimal4t64',
      'liblttng-ust1t64',
    ],
  },
};

/**
 * @param {string} kind
 * @param {string} name
 * @param {Say} say
 * @param {(folder: string, log: string) => Promise<void>} make fills the folder
 * @returns {Promise<string>} the folder
 */
async function ensure(kind, name, say, make) {
  const cache = cacheDirectory();
  const parent = join(cache, kind);
  const done = join(parent, name);
  if (existsSync(done)) return done;
  return withLock(
    cache,
    kind,
    async () => {
      // Someone else may have made it while we waited for the lock.
      if (existsSync(done)) return done;
      mkdirSync(parent, { recursive: true });
      const work = mkdtempSync(join(parent, 'making-'));
      const log = join(parent, `${name}.log`);
      try {
        const folder = join(work, name);
        mkdirSync(folder);
        await make(folder, log);
        renameSync(folder, done);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
      return done;
    },
    say,
  );
}

/**
 * @param {keyof typeof ROOTS} name
 * @param {Say} say
 * @returns {Promise<string>} a folder that can be a guest's root
 */
export async function ensureRoot(name, say) {
  const { suite, include } = ROOTS[name];
  // A root made of other packages is another one.
  const of = createHash('sha256').update(include.join()).digest('hex').slice(0, 8);
  return ensure('roots', `${name}-${of}`, say, async (folder, log) => {
    ensurePackages(['root'], say);
    say(`making a root file system of Debian ${suite}`);
    await runLogged(
      'debootstrap',
      ['--variant=minbase', `--include=${include.join()}`, suite, folder, debianMirror()],
      { log },
    );
  });
}

/**
 * The newest Node of a major version, from npm.
 * @param {number} major
 * @param {Say} say
 * @returns {Promise<string>} the program
 */
export async function ensureNode(major, say) {
  const folder = await ensure('nodes', `node-${major}`, say, async (target, log) => {
    say(`fetching Node ${major}`);
    const name = `node-linux-${process.arch}`;
    const options = [
      '--prefix',
      target,
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ];
    await runLogged('npm', ['install', ...options, `${name}@${major}`], { log, cwd: target });
    renameSync(join(target, 'node_modules', name, 'bin'), join(target, 'bin'));
  });
  return join(folder, 'bin', 'node');
}
