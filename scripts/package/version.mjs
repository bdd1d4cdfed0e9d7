// SPDX-License-Identifier: MIT
// What `npm version` runs: the version of package.json, which is the one that people change, goes
// wherever else it has to be. The packages find one another by it, and take no other version.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../native/target.mjs';
import { PACKAGES } from './pack.mjs';

/**
 * @param {string} path
 * @param {(description: any) => void} edit
 */
function edit(path, edit) {
  const description = JSON.parse(readFileSync(path, 'utf8'));
  edit(description);
  writeFileSync(path, `${JSON.stringify(description, null, 2)}\n`);
}

/** @param {any} description of a package or of one in a lock file @param {string} version */
function setVersion(description, version) {
  description.version = version;
  const { peerDependencies = {} } = description;
  for (const { name } of PACKAGES) if (name in peerDependencies) peerDependencies[name] = version;
}

/** @param {string} folder a checkout */
export function spreadVersion(folder) {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const { folder: own } of PACKAGES.filter(({ folder }) => folder !== '.'))
    edit(join(folder, own, 'package.json'), (description) => setVersion(description, version));
  edit(join(folder, 'package-lock.json'), (lock) => {
    lock.version = version;
    for (const { folder: own } of PACKAGES)
      setVersion(lock.packages[own === '.' ? '' : own], version);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) spreadVersion(root);
