// SPDX-License-Identifier: MIT
/** The locks and the wrong options that demo.test.ts leaves out. */
import './demo.test.ts';
