// SPDX-License-Identifier: MIT
/** The developers' benchmark of locks, with the workloads that bench-locks.test.ts leaves out. */
import './bench-locks.test.ts';
