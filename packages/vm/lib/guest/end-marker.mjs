// SPDX-License-Identifier: MIT
// Finds the end of a guest's output stream. A virtio-serial port has no end of file that the host
// could see, so the guest writes a random marker as the last thing on each stream; what came before
// it is the command's output, byte for byte.

/**
 * Feeds on chunks, passes on what cannot be part of the marker any more at once, and knows when the
 * marker has come.
 */
export class EndMarkerFilter {
  /** @type {Buffer} */
  #held = Buffer.alloc(0);
  /** @type {Buffer} */
  #marker;
  /** @type {(chunk: Buffer) => void} */
  #emit;

  /**
   * @param {string} marker ASCII
   * @param {(chunk: Buffer) => void} emit
   */
  constructor(marker, emit) {
    this.#marker = Buffer.from(marker, 'latin1');
    this.#emit = emit;
    /** Whether the marker has come. */
    this.ended = false;
  }

  /** @param {Buffer} chunk @returns {void} */
  push(chunk) {
    if (this.ended) return;
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = data.indexOf(this.#marker);
    this.ended = at >= 0;
    const keep = this.ended ? 0 : overlap(data, this.#marker);
    const output = data.subarray(0, this.ended ? at : data.length - keep);
    this.#held = data.subarray(data.length - keep);
    if (output.length > 0) this.#emit(output);
  }

  /** Passes on what was held back, for a stream that will never get its marker. @returns {void} */
  flush() {
    if (this.#held.length > 0 && !this.ended) this.#emit(this.#held);
    this.#held = Buffer.alloc(0);
  }
}

/**
 * How many bytes at the end of `data` are a beginning of `marker`.
 * @param {Buffer} data
 * @param {Buffer} marker
 * @returns {number}
 */
function overlap(data, marker) {
  for (let length = Math.min(data.length, marker.length - 1); length > 0; length -= 1) {
    if (data.subarray(data.length - length).equals(marker.subarray(0, length))) return length;
  }
  return 0;
}
