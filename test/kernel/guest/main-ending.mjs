// SPDX-License-Identifier: MIT
// The main thread ends in a section: argument 'end', 'throw' or 'exit'. What the kernel holds as
// its registration when the process ends goes to a file that the test reads.
import { join } from 'node:path';
import { attach } from 'rseq-slice';
import { job, observer } from './support.mjs';

const [ending] = process.argv.slice(2);
observer.watchEnd(join(job, `main-${ending}`));
const thread = attach({ host: 'linux' });
thread.enter();
if (ending === 'throw') throw new Error('on purpose');
if (ending === 'exit') process.exit(5);
