// SPDX-License-Identifier: MIT
/** The workloads by name: what can be done inside the lock. */
import { lruWorkload } from './lru.ts';
import { ordersWorkload } from './orders.ts';
import { loopWorkload } from './work.ts';
import type { Workload } from './work.ts';

export const WORKLOADS: ReadonlyMap<string, Workload> = new Map(
  [loopWorkload, ordersWorkload, lruWorkload].map((workload) => [workload.name, workload]),
);

export function workloadOf(name: string): Workload {
  const workload = WORKLOADS.get(name);
  if (workload === undefined)
    throw new Error(
      `No workload is called '${name}'. There is: ${[...WORKLOADS.keys()].join(', ')}.`,
    );
  return workload;
}
