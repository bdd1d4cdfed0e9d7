// SPDX-License-Identifier: MIT
// The addon's functions, for programs that look below the public face of the library. Where there
// is no addon they end with what is wrong with it.
import { loadAddon } from 'rseq-slice/internal';

export function loadBinding() {
  const addon = loadAddon();
  if (addon.state === 'loaded') return addon.binding;
  throw new Error(`There is no addon: ${JSON.stringify(addon)}`);
}

/** The control word of this thread, which is attached. */
export function controlWord() {
  const word = loadBinding().controlWord();
  if (word === null) throw new Error('The memory of the control word cannot be mapped.');
  return word;
}
