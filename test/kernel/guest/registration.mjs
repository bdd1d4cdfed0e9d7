// SPDX-License-Identifier: MIT
// What attach makes of this thread's registration, seen by the library and by the observer, before,
// meanwhile and afterwards. Arguments: the policy and the ABI version.
import { attach, ids, probe } from 'rseq-slice';
import { loadBinding } from './binding.mjs';
import { cpus as all, describeError, observer, report } from './support.mjs';

const [registration = 'auto', abiVersion = 'auto'] = process.argv.slice(2);
const binding = loadBinding();
const look = () => ({
  kernel: observer.getRegistration(),
  libc: probe().libc.registered,
  enabled: binding.probe(0, 0).enabled,
});
/** @template T @param {() => T} look */
const onEach = (look) => Array.from({ length: all }, (_, cpu) => (observer.pinTo(cpu), look()));
/** @param {Pick<import('rseq-slice').Thread, 'cpu' | 'node' | 'concurrencyId'>} from */
const lookAtIds = (from) =>
  onEach(() => [from.cpu(), observer.getCpu(), from.node(), from.concurrencyId()]);
const lookWithoutThread = () => ({ source: ids().source, ids: lookAtIds(ids()) });
const before = look();
const withoutThread = { before: lookWithoutThread() };
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
const ofThread = thread === null ? null : lookAtIds(thread);
Object.assign(withoutThread, { attached: lookWithoutThread() });
const flags = binding.flags();
thread?.detach();
const detached = look();
Object.assign(withoutThread, { detached: lookWithoutThread() });
const cpus = onEach(() => observer.getCpu());
report({
  slices: probe().slices,
  kernel: probe().kernel,
  before,
  attached,
  detached,
  registration: taken,
  flags,
  ids: ofThread,
  withoutThread,
  cpus,
  error,
});
