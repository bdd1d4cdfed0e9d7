// SPDX-License-Identifier: MIT
/** How workers and processes end, in the ways that lifecycle.test.ts leaves out. */
import './lifecycle.test.ts';
