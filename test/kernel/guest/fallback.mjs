// SPDX-License-Identifier: MIT
// A kernel that has the feature, switched off at boot: sections work on the simulated kernel, and
// who demands Linux is told why not.
import { attach, probe } from 'rseq-slice';
import { describeError, observer, report } from './support.mjs';

let error = null;
try {
  attach({ host: 'linux' });
} catch (reason) {
  error = describeError(reason);
}
const thread = attach();
const result = thread.critical(() => 7);
report({
  error,
  result,
  host: thread.host,
  slices: probe().slices,
  registration: observer.getRegistration(),
});
