// SPDX-License-Identifier: MIT
// The mistake that a kernel of the first ABI kills for: the request is taken back by a load, an
// `and` and a store. A grant between load and store is wiped out of the word, so the thread does
// not yield, and its next system call is its last. If it lives through the seconds given, it says
// so. What it attached to is its first line.
import { attach } from 'rseq-slice';
import { controlWord, loadBinding } from './binding.mjs';
import { describePlace, observer, report, roundsFor, spin, startNeighbour } from './support.mjs';

const REQUEST = 1;
const GRANTED = 2;

const rounds = roundsFor(20);
await startNeighbour(0);
observer.pinTo(0);
report(describePlace(attach({ host: 'linux', abiVersion: 'rfc' })));
const binding = loadBinding();
const word = new Uint32Array(controlWord());
const end = performance.now() + Number(process.argv[2]) * 1000;
let sections = 0;
while (performance.now() < end) {
  word[0] = REQUEST;
  spin(rounds);
  const found = word[0];
  // Makes the race likely, which is there without it.
  spin(rounds);
  word[0] = found & ~REQUEST;
  if ((word[0] & GRANTED) !== 0) binding.yieldSlice();
  process.getuid?.();
  sections++;
}
console.log(`It lived through ${sections} sections.`);
process.exit(0);
