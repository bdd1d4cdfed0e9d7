// Enters sections of about 100 us beside a busy process on the same CPU, and
// prints this thread's counters with what the kernel counted meanwhile.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { attach, probe } from '../../../dist/index.js';

const [sections = '5000', controlWord = 'auto'] = process.argv.slice(2);

function kernelStats() {
  const text = readFileSync('/sys/kernel/debug/rseq/stats', 'utf8');
  return Object.fromEntries([...text.matchAll(/(\w+):\s+(\d+)/g)].map(([, name, count]) => [name, Number(count)]));
}

const before = kernelStats();
const libcBefore = probe().libc.registered;
const thread = attach({ backend: 'linux', controlWord });
const neighbour = spawn('sh', ['-c', 'while :; do :; done']);
const report = probe();
const ids = [thread.cpu(), thread.node(), thread.concurrencyId()];
let sum = 0;
const work = () => {
  for (let i = 0; i < 20_000; i++) sum += i;
};
for (let i = 0; i < Number(sections); i++) thread.critical(work);
const { backend, registration, flavour } = thread;
thread.detach();
neighbour.kill('SIGKILL');
const after = kernelStats();
console.log(
  JSON.stringify({
    backend,
    registration,
    flavour,
    ids,
    stats: thread.stats(),
    kernel: Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - (before[name] ?? 0)])),
    libc: [libcBefore, report.libc.registered, probe().libc.registered],
    available: report.slices.available,
    work: sum > 0,
  }),
);
