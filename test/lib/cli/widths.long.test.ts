// SPDX-License-Identifier: MIT
/** The commands and widths that widths.test.ts leaves out. */
import './widths.test.ts';
