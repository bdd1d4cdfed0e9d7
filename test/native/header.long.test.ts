// SPDX-License-Identifier: MIT
/** The dialects and compilers that header.test.ts leaves out. */
import './header.test.ts';
