// SPDX-License-Identifier: MIT
/** The endings that trace-endings.test.ts leaves out. */
import './trace-endings.test.ts';
