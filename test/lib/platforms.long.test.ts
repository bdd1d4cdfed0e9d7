// SPDX-License-Identifier: MIT
/** The platforms that platforms.test.ts leaves out. */
import './platforms.test.ts';
