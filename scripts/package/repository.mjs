// SPDX-License-Identifier: MIT
// Where this is published from. The registry refuses a package with provenance whose package.json
// does not name the repository that the workflow ran in, and shows no links without it. Who copies
// the project publishes from elsewhere, so it is not written down but found out: in a workflow from
// what GitHub says, else from the remote called origin.

import { spawnSync } from 'node:child_process';

/**
 * @param {string} text as git takes it: https://host/owner/name.git, git@host:owner/name
 * @returns {string | null} https://host/owner/name; null: a folder, say
 */
export function webAddress(text) {
  const [, host, path = ''] = /^[^@/\s]+@([^:/\s]+):(?!\/)(\S+)$/.exec(text) ?? [];
  const address = host === undefined ? text.replace(/^git\+/, '') : `https://${host}/${path}`;
  if (!/^(https?|ssh|git):/.test(address)) return null;
  const url = new URL(address);
  const place = url.pathname.replace(/\/+$/, '').replace(/\.git$/, '');
  if (place === '') return null;
  // Without the name or token that may be in it, which is nobody's business, and without the port
  // of another protocol.
  return url.protocol.startsWith('http')
    ? `${url.protocol}//${url.host}${place}`
    : `https://${url.hostname}${place}`;
}

/**
 * @param {string} folder a checkout
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string | null} where it can be looked at
 */
export function findRepository(
  folder,
  { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env,
) {
  if (server !== undefined && name !== undefined) return webAddress(`${server}/${name}`);
  const { status, stdout } = spawnSync('git', ['remote', 'get-url', 'origin'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return status === 0 ? webAddress(stdout.trim()) : null;
}

/**
 * @param {string} repository
 * @param {string} [folder] the package's, in the repository
 * @returns the members of package.json that say so
 */
export const describeRepository = (repository, folder = '.') => ({
  repository: {
    type: 'git',
    url: `git+${repository}.git`,
    ...(folder === '.' ? {} : { directory: folder }),
  },
  homepage: folder === '.' ? `${repository}#readme` : `${repository}/tree/HEAD/${folder}#readme`,
  bugs: `${repository}/issues`,
});
