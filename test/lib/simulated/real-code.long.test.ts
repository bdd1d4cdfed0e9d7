// SPDX-License-Identifier: MIT
/** The library's own code under every schedule of three disturbances. */
import './real-code.test.ts';
