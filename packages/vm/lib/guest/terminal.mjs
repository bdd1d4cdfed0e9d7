// SPDX-License-Identifier: MIT
// This process's terminal as the guest's: every key goes there, but for the one that ends it all.

import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';

/** Ctrl-], as telnet has it. */
const ESCAPE = 0x1d;

/**
 * Changes the terminal on standard input, or tells how it is.
 * @param {string[]} settings
 * @returns {string | null} what stty says; null: it is not there, or refuses
 */
function stty(...settings) {
  const { status, stdout } = spawnSync('stty', settings, {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : null;
}

/**
 * @param {() => void} leave what the key does that is not passed on
 * @returns {{ terminal: import('./guest-process.mjs').Terminal, begin: () => void,
 *   end: () => void }} until `begin`, keys are this process's own
 */
export function openTerminal(leave) {
  const { stdin, stdout } = process;
  const input = new PassThrough();
  const type = (/** @type {Buffer} */ chunk) => {
    if (chunk.includes(ESCAPE)) leave();
    else input.write(chunk);
  };
  /** @type {string | null} */
  let before = null;
  return {
    terminal: {
      input,
      onOutput: (chunk) => void stdout.write(chunk),
      size: () => ({ rows: stdout.rows || 24, columns: stdout.columns || 80 }),
      onResize(listener) {
        stdout.on('resize', listener);
        return () => void stdout.off('resize', listener);
      },
    },
    begin() {
      // Not by setRawMode(), which goes on to write a carriage return at the end of each line: the
      // guest's terminal does that already, unless a program there has switched it off.
      before = stty('-g');
      if (before === null || stty('raw', '-echo') === null) stdin.setRawMode(true);
      stdin.on('data', type);
    },
    end() {
      stdin.off('data', type);
      if (stdin.isRaw) stdin.setRawMode(false);
      else if (before !== null) stty(before);
      // Or it would keep the process alive.
      stdin.pause();
    },
  };
}
