// SPDX-License-Identifier: MIT
// Reads the descriptors of restartable sequences in a linked library, and compares them with the
// instructions that they describe: what the kernel would look at before it has a thread go on at an
// abort address, and what it cannot see, as that the last instruction is a store. An ELF file of 64
// bits of either byte order; objdump of the right processor says where instructions begin.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './compile.mjs';
import { root } from './target.mjs';

const PROCESSORS = new Map([
  [62, { name: 'x86-64', signature: 0x53053053, store: /^(mov|add)q? .*,(0x0)?\(%\w+\)$/ }],
  [183, { name: 'AArch64', signature: 0xd428bc00, store: /^(str|stlr) x\w+, \[x\d+\]$/ }],
  [243, { name: 'RISC-V', signature: 0xf1401073, store: /^sd \w+,0\(\w+\)$/ }],
  [22, { name: 's390x', signature: 0xb2ff0fff, store: /^stg %r\d+,0\(%r\d+\)$/ }],
]);

const WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wsign-conversion', '-Werror'];
const EXECUTABLE = 4n;
const RELOCATIONS = 4;
const DESCRIPTOR_BYTES = 32n;

/**
 * @typedef {object} Section
 * @property {string} name
 * @property {number} type
 * @property {bigint} flags
 * @property {bigint} address
 * @property {bigint} offset
 * @property {bigint} size
 */

/** An ELF file with its relocations applied as if it were loaded at address 0. */
class Library {
  #view;
  #isLittle;
  /** @type {readonly Section[]} */
  sections;
  machine;
  /** @type {Map<bigint, bigint>} what the loader writes, by address */
  #written = new Map();

  /** @param {string} path */
  constructor(path) {
    const { buffer, byteOffset, byteLength } = readFileSync(path);
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#isLittle = this.#view.getUint8(5) === 1;
    this.machine = this.#view.getUint16(18, this.#isLittle);
    this.sections = this.#readSections();
    for (const section of this.sections.filter(({ type }) => type === RELOCATIONS))
      for (let at = section.offset; at < section.offset + section.size; at += 24n)
        this.#written.set(this.#quad(at), this.#quad(at + 16n));
  }

  /** @returns {Section[]} */
  #readSections() {
    const table = this.#quad(40n);
    const count = this.#view.getUint16(60, this.#isLittle);
    const names = this.#view.getUint16(62, this.#isLittle);
    const read = (/** @type {number} */ index) => {
      const at = table + 64n * BigInt(index);
      return {
        nameAt: this.#long(at),
        type: this.#long(at + 4n),
        flags: this.#quad(at + 8n),
        address: this.#quad(at + 16n),
        offset: this.#quad(at + 24n),
        size: this.#quad(at + 32n),
      };
    };
    const base = read(names).offset;
    return Array.from({ length: count }, (_, index) => {
      const { nameAt, ...section } = read(index);
      let name = '';
      for (let at = Number(base) + nameAt; this.#view.getUint8(at) !== 0; at++)
        name += String.fromCharCode(this.#view.getUint8(at));
      return { name, ...section };
    });
  }

  /** @param {bigint} offset in the file */
  #quad(offset) {
    return this.#view.getBigUint64(Number(offset), this.#isLittle);
  }

  /** @param {bigint} offset in the file */
  #long(offset) {
    return this.#view.getUint32(Number(offset), this.#isLittle);
  }

  /** @param {bigint} address @returns {Section | undefined} */
  sectionAt(address) {
    return this.sections.find(
      (section) =>
        section.address > 0n &&
        address >= section.address &&
        address < section.address + section.size,
    );
  }

  /** @param {bigint} address */
  #offset(address) {
    const section = this.sectionAt(address);
    if (section === undefined) throw new Error(`nothing is at ${hex(address)}`);
    return address - section.address + section.offset;
  }

  /** @param {bigint} address @returns {number} as the kernel reads 32 bits there */
  read32(address) {
    return this.#long(this.#offset(address));
  }

  /** @param {bigint} address @returns {bigint} as it is when the library is loaded */
  read64(address) {
    return this.#written.get(address) ?? this.#quad(this.#offset(address));
  }

  /** @param {bigint} address */
  isExecutable(address) {
    return ((this.sectionAt(address)?.flags ?? 0n) & EXECUTABLE) !== 0n;
  }
}

/** @param {bigint} number */
const hex = (number) => `0x${number.toString(16)}`;

/**
 * @param {string} objdump
 * @param {string} path
 * @returns {Map<bigint, { text: string, words: string, before: bigint | undefined }>} by
 *   address: instructions, and where the one before begins
 */
function disassemble(objdump, path) {
  const instructions = new Map();
  /** @type {bigint | undefined} */
  let before;
  const listing = run([objdump, '-d', '-w', '--no-show-raw-insn', path]);
  for (const line of listing.split('\n')) {
    const [, address, words] = /^\s*([0-9a-f]+):\s*(.*)$/.exec(line) ?? [];
    if (address === undefined || words === undefined) continue;
    const text = words
      .replace(/\s*(#|\/\/|<).*$/, '')
      .replace(/\s+/g, ' ')
      .trim();
    instructions.set(BigInt(`0x${address}`), { text, words, before });
    before = BigInt(`0x${address}`);
  }
  return instructions;
}

/**
 * @param {string} path of a shared library
 * @param {string} [objdump] one that knows its processor
 * @returns {{ descriptors: number, mistakes: string[] }}
 */
export function checkDescriptors(path, objdump = 'objdump') {
  const library = new Library(path);
  const processor = PROCESSORS.get(library.machine);
  if (processor === undefined)
    throw new Error(`${path} is for machine ${library.machine}, which has no sequences here`);
  const instructions = disassemble(objdump, path);
  const find = (/** @type {string} */ name) =>
    library.sections.find((section) => section.name === name) ?? { address: 0n, size: 0n };
  const descriptors = find('__rseq_cs');
  const pointers = find('__rseq_cs_ptr_array');
  /** @type {string[]} */
  const mistakes = [];
  const listed = new Set();
  for (let at = 0n; at < pointers.size; at += 8n) listed.add(library.read64(pointers.address + at));
  for (let at = 0n; at < descriptors.size; at += DESCRIPTOR_BYTES) {
    const address = descriptors.address + at;
    const found = lookAt(library, processor, instructions, address);
    if (!listed.delete(address)) found.push('__rseq_cs_ptr_array does not have it');
    mistakes.push(...found.map((mistake) => `descriptor at ${hex(address)}: ${mistake}`));
  }
  for (const address of listed)
    mistakes.push(`__rseq_cs_ptr_array has ${hex(address)}, where no descriptor is`);
  return { descriptors: Number(descriptors.size / DESCRIPTOR_BYTES), mistakes };
}

/**
 * @param {Library} library
 * @param {{ signature: number, store: RegExp }} processor
 * @param {Map<bigint, { text: string, words: string, before: bigint | undefined }>} instructions
 * @param {bigint} address
 * @returns {string[]} what is wrong with one descriptor
 */
function lookAt(library, processor, instructions, address) {
  const start = library.read64(address + 8n);
  const length = BigInt.asIntN(64, library.read64(address + 16n));
  const abort = library.read64(address + 24n);
  const commit = start + length;
  const mistakes = [];
  if (address % 32n !== 0n) mistakes.push('it is not aligned to 32 bytes');
  if (library.read32(address) !== 0) mistakes.push('its version is not 0');
  if (library.read32(address + 4n) !== 0) mistakes.push('its flags are not 0');
  if (!library.isExecutable(start) || !instructions.has(start))
    mistakes.push(`no instruction begins at its start, ${hex(start)}`);
  if (length < 8n || length > 256n) mistakes.push(`it is ${length} bytes long`);
  const last = instructions.get(instructions.get(commit)?.before ?? -1n);
  if (last === undefined || !processor.store.test(last.text))
    mistakes.push(`before its end, ${hex(commit)}, is no store, but ${last?.text ?? 'nothing'}`);
  if (!library.isExecutable(abort)) {
    mistakes.push(`its abort address, ${hex(abort)}, is not in code`);
    return mistakes;
  }
  if (abort >= start && abort < commit) mistakes.push('its abort address is within it');
  const signature = library.read32(abort - 4n);
  if (signature !== processor.signature)
    mistakes.push(`${hex(BigInt(signature))} is before its abort address, not the signature`);
  const target = jumpTarget(instructions, abort);
  if (target === undefined || target >= start || start - target > 64n)
    mistakes.push(`its abort address does not lead to just before its start, ${hex(start)}`);
  return mistakes;
}

/**
 * @param {Map<bigint, { words: string }>} instructions
 * @param {bigint} address of the abort address's jump, in one instruction or two
 * @returns {bigint | undefined} where it goes
 */
function jumpTarget(instructions, address) {
  const first = instructions.get(address)?.words ?? '';
  const words = /^auipc/.test(first) ? (instructions.get(address + 4n)?.words ?? '') : first;
  const found = /\b([0-9a-f]+) </.exec(words)?.[1];
  return /^(jmp|b|j|jr|jg)\s/.test(words) && found !== undefined ? BigInt(`0x${found}`) : undefined;
}

/**
 * Links libraries with all sequences, in C and in C++, with and without optimization, and looks at
 * their descriptors.
 * @param {import('./compile.mjs').Compilers} compilers
 * @param {string} folder for what is made
 * @param {string} [include] where the headers are
 * @param {string} [objdump]
 * @returns {{ descriptors: number, mistakes: string[] }} of all libraries together
 */
export function checkSequences(
  compilers,
  folder,
  include = join(root, 'native/include'),
  objdump = 'objdump',
) {
  const source = join(root, 'native/test/percpu_check.c');
  const flags = [...WARNINGS, '-fPIC', '-DPERCPU_CHECK_NO_MAIN', '-I', include];
  const all = { descriptors: 0, mistakes: /** @type {string[]} */ ([]) };
  for (const level of ['-O0', '-O2']) {
    const c = [...compilers.c, '-std=gnu11', ...flags, level];
    const cxx = [...compilers.cxx, '-x', 'c++', '-std=c++17', ...flags, level];
    const objects = ['first.o', 'second.o'].map((name) => join(folder, name));
    const [first = '', second = ''] = objects;
    const libraries = ['c.so', 'cxx.so'].map((name) => join(folder, `percpu${level}-${name}`));
    const [library = '', libraryCxx = ''] = libraries;
    run([...c, '-shared', source, '-o', library], 'linking sequences in C');
    run([...cxx, '-c', source, '-o', first], 'compiling sequences in C++');
    // A function that both have is in the library once, with its descriptor.
    run([...cxx, '-DPERCPU_CHECK_SECOND', '-c', source, '-o', second]);
    run([...compilers.cxx, '-shared', ...objects, '-o', libraryCxx], 'linking sequences in C++');
    for (const each of libraries) {
      const { descriptors, mistakes } = checkDescriptors(each, objdump);
      if (descriptors < 5) mistakes.push(`only ${descriptors} descriptors`);
      all.descriptors += descriptors;
      all.mistakes.push(...mistakes.map((mistake) => `${basename(each)}: ${mistake}`));
    }
  }
  return all;
}
