// SPDX-License-Identifier: MIT
// The command `npm run build:cmake`: the addon, the C tests and compile_commands.json in
// build/cmake.

import { join } from 'node:path';
import { buildWithCMake } from './native/cmake.mjs';
import { root } from './native/target.mjs';

const FOLDER = 'build/cmake';

try {
  buildWithCMake(join(root, FOLDER));
  console.log(
    `${FOLDER} has Release/rseq_slice.node, the C tests (ctest --test-dir ${FOLDER}) and compile_commands.json.`,
  );
} catch (error) {
  console.error(`build-cmake: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
