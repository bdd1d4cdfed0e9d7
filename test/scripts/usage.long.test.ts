// SPDX-License-Identifier: MIT
/** The scripts that usage.test.ts leaves out. */
import './usage.test.ts';
