// SPDX-License-Identifier: MIT
// Layers in one thread: sections of ours inside sections of ours, and inside those of another
// library that uses the same word through the shim. Only the layer that asked may withdraw, so the
// word is looked at after every step.
import { attach } from 'rseq-slice';
import { controlWord, loadBinding } from './binding.mjs';
import { kernelStats, observer, report, roundsFor, spin, startNeighbour } from './support.mjs';

const ATTEMPTS = 2000;

observer.pinTo(0);
const thread = attach({ host: 'linux' });
const binding = loadBinding();
const bytes = new Uint8Array(controlWord());

/** As rseq_slice_leave() in C does. */
function leaveForeign() {
  const found = binding.clear();
  if (found !== 0) binding.yieldSlice();
  return found;
}

function takeSteps() {
  /** @type {(readonly [name: string, value: number | null, byte: number | undefined])[]} */
  const steps = [];
  const step = (/** @type {string} */ name, /** @type {number | void} */ value) =>
    steps.push([name, value ?? null, bytes[0]]);
  step('enter', thread.enter());
  step('enter', thread.enter());
  step('leave', thread.leave());
  step('leave', thread.leave());
  step('foreign enter', binding.enter());
  step('enter', thread.enter());
  step('enter', thread.enter());
  step('leave', thread.leave());
  step('leave', thread.leave());
  step('foreign leave', leaveForeign());
  step('enter', thread.enter());
  step('foreign enter refused', binding.enter());
  step('leave', thread.leave());
  return steps;
}

// The kernel may end a request between any two steps, and what follows is another story then. It
// does so with a grant or by switching the thread out, and counts both: nobody else in this guest
// asks for slices.
let steps = null;
let [attempts, leftOver] = [0, 0];
while (steps === null && attempts < ATTEMPTS) {
  attempts++;
  const { sgrant } = kernelStats();
  const switches = observer.getSwitches();
  const taken = takeSteps();
  const isUndisturbed = observer.getSwitches() === switches && kernelStats().sgrant === sgrant;
  // Whatever the kernel did.
  if (bytes[0] !== 0 || bytes[1] !== 0) leftOver++;
  if (isUndisturbed) steps = taken;
}

// The same under interruption: whatever the kernel does, nobody is killed.
const rounds = roundsFor(20);
const neighbour = await startNeighbour(0);
const foreign = [0, 0, 0, 0];
const end = performance.now() + 2000;
while (performance.now() < end) {
  for (let i = 0; i < 50; i++) {
    const asked = binding.enter() === 1;
    thread.enter();
    thread.critical(() => spin(rounds));
    thread.leave();
    if (!asked) continue;
    const found = leaveForeign();
    foreign[found] = (foreign[found] ?? 0) + 1;
  }
}
await neighbour.stop();
const stats = thread.stats();
thread.detach();
report({ steps, attempts, leftOver, stats, foreign });
