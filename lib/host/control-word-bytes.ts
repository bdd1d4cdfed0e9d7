// SPDX-License-Identifier: MIT
/** The memory of a control word, as every host hands it out. */
import { CONTROL_WORD_BYTES } from '../abi/kernel.ts';

/**
 * The bytes of a control word, with a hidden class of their own. V8 checks the
 * class at each access unless no object that had it ever got another one, and
 * what becomes of the world's other Uint8Arrays is not in our hands.
 */
export class ControlWordBytes extends Uint8Array<ArrayBufferLike> {
  constructor(buffer: ArrayBufferLike, byteOffset = 0) {
    super(buffer, byteOffset, CONTROL_WORD_BYTES);
  }
}
