// Layers in one thread: sections of ours inside sections of ours, and inside
// those of another library that uses the same word through the shim. Only the
// layer that asked may withdraw, so the word is looked at after every step.
import { attach } from '../../../dist/index.js';
import { loadAddon } from '../../../dist/linux/binding.js';
import { report, roundsFor, spin, startNeighbour } from './support.mjs';

const thread = attach({ backend: 'linux' });
const { binding } = loadAddon();
const bytes = new Uint8Array(binding.controlWord());
const steps = [];
const step = (name, value) => steps.push([name, value ?? null, bytes[0]]);

step('enter', thread.enter());
step('enter', thread.enter());
step('leave', thread.leave());
step('leave', thread.leave());
step('foreign enter', binding.enter());
step('enter', thread.enter());
step('enter', thread.enter());
step('leave', thread.leave());
step('leave', thread.leave());
step('foreign leave', binding.clear());
step('enter', thread.enter());
step('foreign enter refused', binding.enter());
step('leave', thread.leave());

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
    const found = binding.clear();
    foreign[found]++;
    // As rseq_slice_leave() in C does.
    if (found !== 0) binding.yieldSlice();
  }
}
await neighbour.stop();
const stats = thread.stats();
thread.detach();
report({ steps, stats, foreign });
