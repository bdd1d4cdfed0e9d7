// SPDX-License-Identifier: MIT
// Attach, a section, detach, a thousand times in one thread; libc must have its area and the right
// CPU back each time.
import { attach } from 'rseq-slice';
import { cpus, observer, report } from './support.mjs';

const registrations = { attached: new Set(), detached: new Set() };
let wrongCpu = 0;
for (let i = 0; i < 1000; i++) {
  const thread = attach({ host: 'linux' });
  registrations.attached.add(observer.getRegistration());
  thread.critical(() => {});
  thread.detach();
  registrations.detached.add(observer.getRegistration());
  observer.pinTo(i % cpus);
  if (observer.getCpu() !== i % cpus) wrongCpu++;
}
report({
  attached: [...registrations.attached],
  detached: [...registrations.detached],
  wrongCpu,
});
