// SPDX-License-Identifier: MIT
/** Locks between real threads, in the ways that locks.test.ts leaves out. */
import './locks.test.ts';
