// SPDX-License-Identifier: MIT
/** `Queue` between real threads, with other seeds than queue.test.ts, and more deaths. */
import './queue.test.ts';
