// SPDX-License-Identifier: MIT
// The command `npm run build:native`: compiles the addon into build/Release. With node-gyp where
// make and Python 3 are there, which is the usual way to build an addon; else with the compiler
// alone, so that nothing but Node, npm and a compiler is needed.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildDirectly } from './native/direct.mjs';
import { findCompilers, isThere } from './native/compilers.mjs';
import { root } from './native/target.mjs';
import { readFlags } from './read-flags.mjs';

const HELP = `Compiles the addon into build/Release.

  node scripts/build-native.mjs [options]

  --direct   without node-gyp, also where make and Python 3 are there
  --help     this text

The compilers are $CC and $CXX, else cc and c++, gcc and g++, or clang and clang++. Exit codes: 0 done, or nothing to
compile for this platform; 1 something failed; 2 usage error.
`;

/** @typedef {import('./native/compile.mjs').Compilers} Compilers */

/** @param {string} message */
const say = (message) => process.stderr.write(`build-native: ${message}\n`);

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {Compilers} compilers @returns {boolean} whether there is an addon now */
function buildWithNodeGyp({ c, cxx }) {
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Node's own headers are taken from beside the running node when they are there: nothing needs
  // downloading then.
  const prefix = dirname(dirname(process.execPath));
  const local = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const { status } = spawnSync(
    process.execPath,
    [nodeGyp, 'rebuild', '--loglevel=warn', ...local],
    {
      cwd: root,
      env: { ...process.env, CC: c.join(' '), CXX: cxx.join(' ') },
      stdio: ['ignore', 2, 2],
    },
  );
  return status === 0;
}

/** @param {boolean} direct @returns {number} the exit code */
function build(direct) {
  if (process.platform !== 'linux') {
    say(
      `nothing to compile for ${process.platform}: slices are a feature of Linux, and the simulated kernel serves here.`,
    );
    return 0;
  }
  try {
    const compilers = findCompilers();
    if (!direct && isThere(['make']) && isThere(['python3'])) {
      if (buildWithNodeGyp(compilers)) return 0;
      // It may have failed for a reason of its own: headers to download, a Python too old, a space
      // in the path.
      say('node-gyp failed, as told above. Going on with the compiler alone.');
    }
    buildDirectly(compilers);
    return 0;
  } catch (error) {
    // As node-gyp leaves it: an addon of other sources is not to be loaded in the place of the one
    // that failed.
    rmSync(join(root, 'build/Release'), { recursive: true, force: true });
    say(`the addon was not built for ${process.platform} ${process.arch}.\n${messageOf(error)}`);
    return 1;
  }
}

const flags = readFlags('build-native', HELP, 'direct');
if (flags !== null) process.exitCode = build(flags.direct);
