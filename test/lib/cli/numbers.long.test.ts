// SPDX-License-Identifier: MIT
/** The values that numbers.test.ts leaves out. */
import './numbers.test.ts';
