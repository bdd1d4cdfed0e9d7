// SPDX-License-Identifier: MIT
/** The header of per-CPU data in C++ with the other compilers, optimized and not. */
import './percpu.test.ts';
