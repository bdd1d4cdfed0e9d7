// SPDX-License-Identifier: MIT
/** The C shim's tests, with sanitizers and static. */
import './native.test.ts';
