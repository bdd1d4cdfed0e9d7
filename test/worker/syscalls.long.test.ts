// SPDX-License-Identifier: MIT
/** The threads and control words that syscalls.test.ts leaves out. */
import './syscalls.test.ts';
