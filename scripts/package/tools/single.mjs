// SPDX-License-Identifier: MIT
// Makes a single executable of a CommonJS program: node single.mjs PROGRAM EXECUTABLE.

import { execFileSync } from 'node:child_process';
import { copyFileSync, chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import postject from 'postject';

const [, , main = '', executable = ''] = process.argv;
const [blob, config] = [`${executable}.blob`, `${executable}.json`];
writeFileSync(config, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true }));
execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'ignore' });
copyFileSync(process.execPath, executable);
chmodSync(executable, 0o755);
await postject.inject(executable, 'NODE_SEA_BLOB', readFileSync(blob), {
  sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
});
for (const file of [blob, config]) rmSync(file);
