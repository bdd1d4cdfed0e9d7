// SPDX-License-Identifier: MIT
// The example addon, beside a noisy neighbour on each CPU, and what the kernel counted meanwhile.
// Arguments: its folder, milliseconds, flags for Node.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cpus, kernelStats, report, startNeighbour, statsSince } from './support.mjs';

const [folder = '', milliseconds = '', ...flags] = process.argv.slice(2);
const neighbours = await Promise.all(Array.from({ length: cpus }, (_, cpu) => startNeighbour(cpu)));
const before = kernelStats();
const { status, signal, stdout, stderr } = spawnSync(
  process.execPath,
  [...flags, join(folder, 'main.mjs'), milliseconds],
  { encoding: 'utf8' },
);
const kernel = statsSince(before);
await Promise.all(neighbours.map((neighbour) => neighbour.stop()));
report({ status, signal, stderr, run: status === 0 ? JSON.parse(stdout) : null, kernel });
