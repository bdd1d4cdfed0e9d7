// SPDX-License-Identifier: MIT
// Tries to send the mapped control word to another thread, which must not get hold of this one's
// word: newer versions of Node refuse, earlier ones send a copy. The process must end well all the
// same.
import { attach } from '../../../dist/index.js';
import { loadAddon } from '../../../dist/host/linux/binding.js';

const thread = attach({ host: 'linux' });
const word = loadAddon().binding.controlWord();
let refused = null;
try {
  new Uint8Array(structuredClone(word, { transfer: [word] })).fill(9);
} catch ({ name }) {
  refused = name;
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
