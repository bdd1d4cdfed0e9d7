// SPDX-License-Identifier: MIT
/** The commands that streams.test.ts leaves out. */
import './streams.test.ts';
