// SPDX-License-Identifier: MIT
// Tries to send the mapped control word to another thread, which must not get hold of this one's
// word: newer versions of Node refuse, earlier ones send a copy. The process must end well all the
// same.
import { attach } from 'rseq-slice';
import { loadAddon } from 'rseq-slice/internal';

const thread = attach({ host: 'linux' });
const addon = loadAddon();
const word = addon.state === 'loaded' ? addon.binding.controlWord() : null;
if (word === null) throw new Error('There is no control word to send.');
let refused = null;
try {
  new Uint8Array(structuredClone(word, { transfer: [word] })).fill(9);
} catch (error) {
  refused = /** @type {Error} */ (error).name;
}
const outcome = thread.critical(() => 7);
console.log(
  JSON.stringify({
    refused,
    word: [...new Uint8Array(word)],
    outcome,
    entered: thread.stats().undisturbed,
  }),
);
