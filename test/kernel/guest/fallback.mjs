// SPDX-License-Identifier: MIT
// A kernel that has the feature, switched off at boot: sections work on the
// simulated kernel, and who demands Linux is told why not.
import { attach, probe } from '../../../dist/index.js';
import { observer, report } from './support.mjs';

let error = null;
try {
  attach({ host: 'linux' });
} catch ({ code, errno, message }) {
  error = { code, errno, message };
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
