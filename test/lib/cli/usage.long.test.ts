// SPDX-License-Identifier: MIT
/** The commands and options that usage.test.ts leaves out. */
import './usage.test.ts';
