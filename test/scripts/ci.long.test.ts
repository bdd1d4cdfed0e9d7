// SPDX-License-Identifier: MIT
/** The ways to fail that ci.test.ts leaves out. */
import './ci.test.ts';
