// SPDX-License-Identifier: MIT
/** The mutation run with the faults that faults.test.ts leaves out. */
import './faults.test.ts';
