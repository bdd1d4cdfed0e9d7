// SPDX-License-Identifier: MIT
/** The examples of the README and the pages that examples.test.ts does not run. */
import './examples.test.ts';
