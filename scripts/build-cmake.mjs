// SPDX-License-Identifier: MIT
// The command `npm run build:cmake`: the addon, the C tests and compile_commands.json in
// build/cmake.

import { join } from 'node:path';
import { buildWithCMake } from './native/cmake.mjs';
import { root } from './native/target.mjs';
import { readFlags } from './read-flags.mjs';

const FOLDER = 'build/cmake';

const HELP = `Builds the addon and the C tests with cmake-js, in ${FOLDER}.

  node scripts/build-cmake.mjs

Exit codes: 0 done, 1 something failed, 2 wrong usage.
`;

function build() {
  try {
    buildWithCMake(join(root, FOLDER));
    console.log(
      `${FOLDER} has Release/rseq_slice.node, the C tests (ctest --test-dir ${FOLDER}) and compile_commands.json.`,
    );
  } catch (error) {
    console.error(`build-cmake: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

if (readFlags('build-cmake', HELP) !== null) build();
