// SPDX-License-Identifier: MIT
/**
 * A program: the section loop in a process that does nothing else, on the host
 * given. Where one process has threads of both kernels, or several loops, V8 makes
 * other code of them. Speaks the protocol of `child-loop.ts`.
 */
import { attach } from 'rseq-slice';
import { serveLoop } from './child-loop.ts';
import { sectionLoop } from './loops.ts';

const thread = attach({ host: process.argv[2] === 'simulated' ? 'simulated' : 'auto' });
const { run } = sectionLoop(thread);
await serveLoop(thread.host, run);
