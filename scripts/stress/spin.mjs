// SPDX-License-Identifier: MIT
// Computing, as far as the event loop can tell: it does not come round meanwhile.

/** @param {number} ms */
export function spin(ms) {
  for (const until = performance.now() + ms; performance.now() < until;);
}
