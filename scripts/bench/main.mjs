// The command `npm run bench`: what entering and leaving a section costs when nobody contends for anything, beside the
// empty loop, the same section in C, and the two native calls that the mapped control word saves. One run measures all.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { attach } from '../../dist/index.js';
import { loadAddon } from '../../dist/linux/binding.js';
import { startCLoop } from './c-loop.mjs';
import { startChildLoop } from './child-loop.mjs';
import { criticalLoop, emptyLoop, measure, nativeLoop, sectionLoop } from './loops.mjs';
import { compareLoops, describeRun, formatTable } from './report.mjs';
import { summarize } from './statistics.mjs';

const loneLoop = fileURLToPath(new URL('lone-loop.mjs', import.meta.url));

const HELP = `Measures the cost of an uncontended section, in rounds that run every loop once.

  node scripts/bench/main.mjs [options]

  --rounds N      how many rounds, 15 or more  (61)
  --batch MS      how long one loop runs in a round  (4)
  --json [FILE]   a record of everything to FILE, or to stdout (the table then goes to stderr)
  --check         exit with 1 when a target is missed or could not be measured
  --help          this text

A busy machine makes everything slower, so a missed target on one is no proof: look at the column 'least', and repeat.
In an emulated guest the times are the emulator's; only that it runs there means something.
`;

/** @param {readonly string[]} argv */
function readOptions(argv) {
  // The one option whose value may be left out, which parseArgs has no notion of.
  const args = argv.map((arg, index) => (arg === '--json' && (argv[index + 1] ?? '-').startsWith('-') ? '--json=-' : arg));
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '61' },
      batch: { type: 'string', default: '4' },
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const batch = Number(values.batch);
  if (!Number.isInteger(rounds) || rounds < 15) throw new Error(`--rounds wants a whole number from 15 on, not '${values.rounds}'.`);
  if (!(batch > 0 && batch <= 1000)) throw new Error(`--batch wants milliseconds up to 1000, not '${values.batch}'.`);
  return { rounds, batch: batch * 1e6, json: values.json, check: values.check, help: values.help };
}

/** @param {ReturnType<typeof readOptions>} options @returns {Promise<number>} the exit code */
async function run({ rounds, batch, json, check }) {
  const say = (/** @type {string} */ text) => void (json === '-' ? process.stderr : process.stdout).write(text);
  const thread = attach();
  const addon = loadAddon();
  const loops = [emptyLoop(), sectionLoop(thread), criticalLoop(thread)];
  const notes = [];
  if (addon.state === 'loaded') loops.push(nativeLoop(addon.binding, thread.backend === 'linux'));
  else notes.push(`The native calls were not measured: the addon is ${addon.state}.`);
  if (addon.state === 'loaded' && thread.backend === 'simulated') {
    notes.push('The native calls have no area to write here, so they are cheaper than on a kernel with slices.');
  }
  const c = await startCLoop();
  if ('reason' in c) notes.push(`C was not measured: ${c.reason}`);
  else {
    loops.push({ name: 'c', what: `the same in C, in ${c.area === 'plain' ? 'plain memory' : 'a registered area'}`, run: c.run });
    notes.push('C runs in a process of its own.');
  }
  const lone = await startChildLoop('The loop on this kernel', process.execPath, [loneLoop]);
  const simulated = await startChildLoop('The loop on the simulated kernel', process.execPath, [loneLoop, 'simulated']);
  loops.push(
    { name: 'lone', what: 'as js, in a process without the others', run: lone.run },
    { name: 'simulated', what: 'as lone, on the simulated kernel', run: simulated.run },
  );
  const samples = await measure(loops, { rounds, batch });
  await lone.stop();
  await simulated.stop();
  if (!('reason' in c)) await c.stop();

  const comparisons = compareLoops(samples);
  const machine = describeRun();
  const subject = { backend: thread.backend, registration: thread.registration, flavour: thread.flavour };
  say(`${machine['cpu']}, Linux ${machine['kernel']}, Node ${machine['node']}; ${Object.values(subject).join(', ')}; ${rounds} rounds\n\n`);
  say(formatTable(loops, samples, comparisons));
  if (notes.length > 0) say(`\n${notes.join('\n')}\n`);
  if (json !== undefined) {
    const results = Object.fromEntries(loops.map(({ name, what }) => [name, { what, ...summarize(samples.get(name) ?? []), samples: samples.get(name) }]));
    const record = { ...machine, thread: subject, stats: thread.stats(), rounds, batch, unit: 'ns', results, comparisons, notes };
    const text = `${JSON.stringify(record, null, 2)}\n`;
    if (json === '-') process.stdout.write(text);
    else writeFileSync(json, text);
  }
  return check && comparisons.some(({ met }) => met !== true) ? 1 : 0;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return 2;
  }
  if (!options.help) return run(options);
  process.stdout.write(HELP);
  return 0;
}

process.exitCode = await main();
