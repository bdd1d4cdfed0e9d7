// SPDX-License-Identifier: MIT
/**
 * Whether a file can be a shared library for this process, looked at before the
 * dynamic linker does. It maps what a file's headers say without asking how long
 * the file is, so that one that was cut off, by a full disk say, ends the process
 * with SIGBUS; and of another architecture glibc says 'No such file or directory'.
 */
import { endianness } from 'node:os';

const MAGIC = 0x7f45_4c46;
const HEADER_LENGTH = 64;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const BIG_ENDIAN = 2;
/** `e_machine`, as elf(5) has them, by `process.arch`. */
const MACHINES: Readonly<Partial<Record<string, number>>> = {
  arm64: 183,
  loong64: 258,
  ppc64: 21,
  riscv64: 243,
  s390x: 22,
  x64: 62,
};
/** Of a program header, and in it: where its part of the file begins, and how long that is. */
const PROGRAM_HEADER_LENGTH = 56;
const OFFSET = 8;
const LENGTH = 32;

/**
 * What is wrong with it, the rest of a sentence about the file; null: nothing that is seen here.
 */
export function faultOf(file: Buffer, arch: string = process.arch): string | null {
  const machine = MACHINES[arch];
  // A 32-bit one, say: the dynamic linker knows better.
  if (machine === undefined) return null;
  if (file.length < HEADER_LENGTH || file.readUInt32BE(0) !== MAGIC) return IS_NONE;
  const order = endianness() === 'LE' ? LITTLE_ENDIAN : BIG_ENDIAN;
  const read = reader(file, order === LITTLE_ENDIAN);
  if (file[4] !== CLASS_64 || file[5] !== order || read.half(18) !== machine)
    return `is for another architecture than ${arch}`;
  const headers = { at: read.long(32), size: read.half(54), count: read.half(56) };
  // An object that was not linked has none; and shorter ones might end before what is read of them.
  if (headers.size !== PROGRAM_HEADER_LENGTH) return IS_NONE;
  if (headers.at + headers.size * headers.count > file.length) return isCutOff(file.length);
  for (let header = headers.at, i = 0; i < headers.count; i++, header += headers.size) {
    if (read.long(header + OFFSET) + read.long(header + LENGTH) > file.length)
      return isCutOff(file.length);
  }
  return null;
}

const IS_NONE = 'is no shared library, or only the beginning of one';
const isCutOff = (length: number): string => `is cut off after ${length} bytes`;

function reader(
  file: Buffer,
  isLittle: boolean,
): { half: (at: number) => number; long: (at: number) => number } {
  return {
    half: (at) => (isLittle ? file.readUInt16LE(at) : file.readUInt16BE(at)),
    long: (at) => Number(isLittle ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at)),
  };
}
