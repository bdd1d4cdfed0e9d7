// SPDX-License-Identifier: MIT
// What attach makes of this thread's registration, seen by the library and by the observer, before,
// meanwhile and afterwards. Arguments: the policy and the ABI version.
import { attach, probe } from 'rseq-slice';
import { loadBinding } from './binding.mjs';
import { cpus as all, describeError, observer, report } from './support.mjs';

const [registration = 'auto', abiVersion = 'auto'] = process.argv.slice(2);
const binding = loadBinding();
const look = () => ({
  kernel: observer.getRegistration(),
  libc: probe().libc.registered,
  enabled: binding.probe(0, 0).enabled,
});
const before = look();
let thread = null;
let error = null;
try {
  const options = { host: 'linux', registration, abiVersion };
  thread = attach(/** @type {import('rseq-slice').AttachOptions} */ (options));
} catch (reason) {
  error = describeError(reason);
}
const attached = look();
const taken = thread?.registration ?? null;
/** @template T @param {() => T} look */
const onEach = (look) => Array.from({ length: all }, (_, cpu) => (observer.pinTo(cpu), look()));
const ids =
  thread === null
    ? null
    : onEach(() => [thread.cpu(), observer.getCpu(), thread.node(), thread.concurrencyId()]);
const flags = binding.flags();
thread?.detach();
const detached = look();
const cpus = onEach(() => observer.getCpu());
report({
  slices: probe().slices,
  kernel: probe().kernel,
  before,
  attached,
  detached,
  registration: taken,
  flags,
  ids,
  cpus,
  error,
});
