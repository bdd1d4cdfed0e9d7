// The example addon, and what the kernel counted meanwhile. Arguments: its folder, milliseconds, flags for Node.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { kernelStats, report, statsSince } from './support.mjs';

const [folder, milliseconds, ...flags] = process.argv.slice(2);
const before = kernelStats();
const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, join(folder, 'main.mjs'), milliseconds], { encoding: 'utf8' });
report({ status, signal, stderr, run: status === 0 ? JSON.parse(stdout) : null, kernel: statsSince(before) });
