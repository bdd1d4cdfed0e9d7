// The section loop on the simulated kernel, in a process of its own: where one process has threads of both kernels, V8
// can no longer take either's word for a constant. Speaks the protocol of child-loop.mjs.

import { createInterface } from 'node:readline';
import { attach } from '../../dist/index.js';
import { sectionLoop } from './loops.mjs';

const { run } = sectionLoop(attach({ backend: 'simulated' }));
process.stdout.write('simulated\n');
for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${await run(Number(line))}\n`);
