// SPDX-License-Identifier: MIT
// The section loop in a process that does nothing else: on a thread of the class alone, on one that
// attach() gave, or on one that is recorded. All are on the simulated kernel, so that they differ
// in nothing else. Speaks the protocol of packages/tools/lib/bench/sections/child-loop.ts; its
// arguments are what the thread is, and the folder of the recording.

import { serveLoop } from '../../packages/tools/dist/bench/sections/child-loop.js';
import { sectionLoop } from '../../packages/tools/dist/bench/sections/loops.js';

const [kind, folder = ''] = process.argv.slice(2);

async function makeThread() {
  if (kind !== 'bare') {
    process.env['RSEQ_SLICE_TRACE'] = folder;
    const { attach } = await import('rseq-slice');
    return attach({ host: 'simulated' });
  }
  // Its constructor is not public, so what dist/ declares of it has no parameters.
  const sections = await import('../../dist/sections/thread.js');
  const { Thread } = /** @type {typeof import('../../lib/sections/thread.ts')} */ (
    /** @type {unknown} */ (sections)
  );
  const { SimulatedHostThread } = await import('../../dist/simulated/thread.js');
  return new Thread(new SimulatedHostThread(), () => {});
}

const thread = await makeThread();
const { run } = sectionLoop(thread);
await serveLoop(thread.constructor.name, run);
