// SPDX-License-Identifier: MIT
// Prints the addon's target for CMakeLists.txt: what binding.gyp says, read by the one reader there
// is, with the headers and flags that node-gyp would add. JSON of strings, each a list as CMake
// writes one.

import { resolve } from 'node:path';
import { NODE_FLAGS, NODE_FLAGS_CXX, nodeHeaders, readTarget, root } from './target.mjs';

const { name, include_dirs, cflags, cflags_cc, ...rest } = readTarget();
const lists = {
  ...rest,
  // CMake would take a relative one from wherever it stands.
  include_dirs: [nodeHeaders(), ...include_dirs.map((path) => resolve(root, path))],
  cflags: [...NODE_FLAGS, ...cflags],
  cflags_cc: [...NODE_FLAGS_CXX, ...cflags_cc],
};
const entries = Object.entries(lists).map(([key, values]) => [key, values.join(';')]);
process.stdout.write(JSON.stringify({ name, ...Object.fromEntries(entries) }));
