// SPDX-License-Identifier: MIT
/**
 * What is found wrong with a file before the dynamic linker maps it, whatever is in the file. Real
 * files are in binding.test.ts.
 */
import { endianness } from 'node:os';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../../lib/host/linux/elf.ts';

/**
 * A header for x64, and what it says of the program headers; the machine that runs the test says
 * the order of bytes.
 */
function elf(
  { at, size, count }: { readonly at: bigint; readonly size: number; readonly count: number },
  length = 4096,
): Buffer {
  const file = Buffer.alloc(length);
  file.write('\x7fELF', 'latin1');
  file[4] = 2;
  file[5] = 1;
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(at, 32);
  file.writeUInt16LE(size, 54);
  file.writeUInt16LE(count, 56);
  return file;
}

describe.runIf(endianness() === 'LE')('a file', () => {
  it.each([
    ['has headers that lie within it', { at: 64n, size: 56, count: 3 }, null],
    ['is an object that was not linked', { at: 0n, size: 0, count: 0 }, /^is no shared library/],
    [
      'has headers of nonsense at its very end',
      { at: 4095n, size: 1, count: 1 },
      /^is no shared library/,
    ],
    [
      'has headers behind its end',
      { at: 2n ** 63n, size: 56, count: 1 },
      /^is cut off after 4096 bytes/,
    ],
  ])('that %s is told', (_, headers, fault) => {
    const found = faultOf(elf(headers), 'x64');
    if (fault === null) expect(found).toBeNull();
    else expect(found).toMatch(fault);
  });
});
