// The workloads by name: what can be done inside the lock.

import { lruWorkload } from './lru.mjs';
import { ordersWorkload } from './orders.mjs';
import { loopWorkload } from './work.mjs';

/** @type {ReadonlyMap<string, import('./work.mjs').Workload>} */
export const WORKLOADS = new Map([loopWorkload, ordersWorkload, lruWorkload].map((workload) => [workload.name, workload]));

/** @param {string} name @returns {import('./work.mjs').Workload} */
export function workloadOf(name) {
  const workload = WORKLOADS.get(name);
  if (workload === undefined) throw new Error(`No workload is called '${name}'. There is: ${[...WORKLOADS.keys()].join(', ')}.`);
  return workload;
}
