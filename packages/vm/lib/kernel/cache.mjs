// SPDX-License-Identifier: MIT
// Where kernels, sources and verdicts are kept between runs: a folder outside of the checkout. It
// knows names, keys and locks; what goes into an entry is the business of those who build it.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The cache folder: `$RSEQ_SLICE_CACHE`, else `rseq-slice` in the user's cache folder.
 * @param {Readonly<Record<string, string | undefined>>} [env]
 * @returns {string}
 */
export function cacheDirectory(env = process.env) {
  const own = env['RSEQ_SLICE_CACHE'];
  if (own) return own;
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'rseq-slice');
}

/**
 * What decides how a kernel comes out. Two builds with the same ingredients are the same kernel.
 * @typedef {object} Ingredients
 * @property {string} source identity of the source: a package version, or a checksum
 * @property {string} flavour
 * @property {string} fragment text of the configuration fragment
 * @property {string} edits text of the flavour's edits
 * @property {string} compiler first line of `gcc --version`
 */

/**
 * A short, file-name-safe key over the ingredients.
 * @param {Ingredients} ingredients
 * @returns {string}
 */
export function cacheKey(ingredients) {
  const hash = createHash('sha256');
  for (const part of ['source', 'flavour', 'fragment', 'edits', 'compiler']) {
    const value = ingredients[/** @type {keyof Ingredients} */ (part)];
    // Length first, so that text cannot wander from one ingredient to the next unseen.
    hash.update(`${part}:${Buffer.byteLength(value)}:${value}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Runs `work` while holding the cache's lock `name`, waiting for another process that has it. The
 * lock is held by a child whose standard input is ours: when this process dies, however it dies,
 * the child ends and the lock is free.
 * @template T
 * @param {string} cache
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {(message: string) => void} [say]
 * @returns {Promise<T>}
 */
export async function withLock(cache, name, work, say = () => {}) {
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${name}.lock`);
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = setTimeout(() => say(`waiting for another build to finish (lock ${path})`), 1000);
  try {
    await new Promise((resolve, reject) => {
      holder.stdout.once('data', resolve);
      holder.once('error', (error) =>
        reject(new Error(`flock does not start, needed to lock ${path}: ${error.message}`)),
      );
      holder.once('exit', (code) =>
        reject(new Error(`flock ${path} failed with exit code ${code}`)),
      );
    });
    clearTimeout(waiting);
    return await work();
  } finally {
    clearTimeout(waiting);
    holder.stdin.on('error', () => {});
    holder.stdin.end();
  }
}
