// SPDX-License-Identifier: MIT
/** `Barrier` between real threads, with other seeds than barrier.test.ts, and more deaths. */
import './barrier.test.ts';
