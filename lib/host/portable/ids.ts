// SPDX-License-Identifier: MIT
/** Where a thread runs, where nobody is there to ask: on one CPU of one node. */
import { threadId } from 'node:worker_threads';
import type { ThreadIds } from '../port.ts';

export class PortableIds implements ThreadIds {
  readonly source = 'none';

  cpu(): number {
    return 0;
  }

  node(): number {
    return 0;
  }

  /** Unique, as on Linux, but not used again when a thread ends. */
  concurrencyId(): number {
    return threadId;
  }

  stripe(): number {
    return threadId;
  }
}
