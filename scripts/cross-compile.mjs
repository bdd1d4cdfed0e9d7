// SPDX-License-Identifier: MIT
// The command `npm run test:cross`: compiles the addon for the other architectures that have rseq,
// as binding.gyp says, and looks at what came out. What does not compile, does not link, has the
// wrong numbers, or would not load is found; and descriptors of restartable sequences that do not
// fit their instructions. Only one program runs, where there is an emulator: without rseq, which
// that does not have.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileAddon, compileSource, run } from './native/compile.mjs';
import { checkSequences } from './native/descriptors.mjs';
import { readTarget, root } from './native/target.mjs';
import { findCommand } from '../packages/vm/lib/guest/packages.mjs';
import { refuseUsage } from '../packages/vm/lib/refuse-usage.mjs';

const HELP = `Compiles the addon for other architectures with Debian's cross compilers, and checks the result.

  node scripts/cross-compile.mjs [options]

  --require LIST   architectures that must not be skipped, with commas  (arm64,riscv64)
  --help           this text

As root on Debian, missing compilers are installed. Exit codes: 0 done, 1 something failed, 2 usage error.
`;

/** @typedef {import('./native/target.mjs').Target} Target */

/**
 * @typedef {object} Architecture
 * @property {string} name as Node calls it
 * @property {string} triplet
 * @property {string} machine how readelf begins its name
 * @property {boolean} hasSequences or rseq_percpu.h has atomics alone
 */

/** @type {readonly Architecture[]} */
const ARCHITECTURES = [
  { name: 'arm64', triplet: 'aarch64-linux-gnu', machine: 'AArch64', hasSequences: true },
  { name: 'riscv64', triplet: 'riscv64-linux-gnu', machine: 'RISC-V', hasSequences: true },
  { name: 's390x', triplet: 's390x-linux-gnu', machine: 'IBM S/390', hasSequences: true },
  { name: 'loong64', triplet: 'loongarch64-linux-gnu', machine: 'LoongArch', hasSequences: false },
];

/**
 * @param {Architecture} architecture
 * @returns {string[]} the packages that bring its compilers on Debian
 */
const packagesOf = ({ triplet }) => [`gcc-${triplet}`, `g++-${triplet}`];

/** @param {Architecture} architecture */
const hasCompilers = ({ triplet }) =>
  ['gcc', 'g++'].every((name) => findCommand(`${triplet}-${name}`) !== null);

/** @param {readonly string[]} args */
function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { encoding: 'utf8', env, maxBuffer: 64 << 20 });
}

/**
 * Installs what is missing where that is possible.
 * @param {readonly Architecture[]} missing
 * @returns {Map<string, string>} by architecture, why its compilers are still not there
 */
function installCompilers(missing) {
  /** @type {Map<string, string>} */
  const reasons = new Map();
  if (missing.length === 0) return reasons;
  if (process.getuid?.() !== 0 || findCommand('apt-get') === null) {
    for (const each of missing) {
      const packages = packagesOf(each).join(' ');
      reasons.set(
        each.name,
        `no ${each.triplet}-gcc and -g++; on Debian, as root: apt-get install --no-install-recommends ${packages}`,
      );
    }
    return reasons;
  }
  // The lists that are there may do when this fails; the install tells.
  apt('update');
  for (const each of missing) {
    const packages = packagesOf(each);
    if (spawnSync('apt-cache', ['show', ...packages], { stdio: 'ignore' }).status !== 0) {
      reasons.set(each.name, `this system's package lists have no ${packages.join(' and ')}`);
      continue;
    }
    process.stderr.write(`installing ${packages.join(' ')}\n`);
    const install = apt('install', '--yes', '--no-install-recommends', ...packages);
    if (install.status !== 0)
      reasons.set(each.name, `apt-get install ${packages.join(' ')} failed:\n${install.stderr}`);
    else if (!hasCompilers(each))
      reasons.set(
        each.name,
        `${packages.join(' and ')} are installed, and yet no ${each.triplet}-gcc and -g++`,
      );
  }
  return reasons;
}

/**
 * @param {Architecture} architecture
 * @param {Target} target
 * @param {string} folder for what is made
 * @returns {string} what came out
 */
function compile(architecture, target, folder) {
  const { triplet, machine, hasSequences } = architecture;
  const compilers = { c: [`${triplet}-gcc`], cxx: [`${triplet}-g++`] };
  const addon = compileAddon(target, compilers, folder);
  // System call number and signature, against the target's own headers.
  compileSource(target, compilers, 'native/test/abi_check.c', folder);
  inspect(triplet, machine, addon);
  const parts = [`${statSync(addon).size.toLocaleString('en')} bytes`];
  if (hasSequences) {
    const include = join(root, 'native/include');
    const found = checkSequences(compilers, folder, include, `${triplet}-objdump`);
    if (found.mistakes.length > 0) throw new Error(found.mistakes.join('\n'));
    parts.push(`${found.descriptors} descriptors`);
  }
  parts.push(emulate(architecture, target, folder));
  return parts.join(', ');
}

/**
 * Eight threads with per-CPU data, without rseq.
 * @param {Architecture} architecture
 * @param {Target} target
 * @param {string} folder for what is made
 * @returns {string} what it said
 */
function emulate({ triplet }, target, folder) {
  const emulators = [`qemu-${triplet.split('-')[0]}-static`, `qemu-${triplet.split('-')[0]}`];
  const emulator = emulators.find((name) => findCommand(name) !== null);
  if (emulator === undefined) return `nothing run: no ${emulators.join(' and no ')}`;
  const program = join(folder, 'percpu_check');
  const sources = ['native/test/percpu_check.c', ...target.sources].filter((name) =>
    name.endsWith('.c'),
  );
  const flags = [...target.cflags_c, '-pthread', '-static', '-I', 'native/include'];
  run([`${triplet}-gcc`, ...flags, ...sources, '-o', program, ...target.libraries]);
  return run([emulator, program]).trim();
}

/**
 * Would the addon load, and stay?
 * @param {string} triplet
 * @param {string} machine
 * @param {string} addon
 */
function inspect(triplet, machine, addon) {
  const found =
    /^\s*Machine:\s*(.*)$/m.exec(run([`${triplet}-readelf`, '-h', addon]))?.[1] ?? 'nothing';
  if (!found.startsWith(machine))
    throw new Error(`readelf -h says the machine is ${found}, not ${machine}`);
  if (!/NODELETE/.test(run([`${triplet}-readelf`, '-d', addon])))
    throw new Error('the addon may be unloaded: no NODELETE in readelf -d');
  // A symbol that a linked library has carries its version; Node-API's come from the program that
  // loads the addon.
  const unresolved = run([`${triplet}-nm`, '-D', '--undefined-only', addon])
    .split('\n')
    .filter((line) => / U /.test(line) && !line.includes('@'))
    .map((line) => line.trim().slice(2))
    .filter((symbol) => !symbol.startsWith('napi_'));
  if (unresolved.length > 0)
    throw new Error(`nothing has these symbols, so it would not load: ${unresolved.join(', ')}`);
}

/** @returns {readonly string[] | null} the required architectures; null: print the help */
function readOptions() {
  const { values } = parseArgs({
    options: { require: { type: 'string', default: 'arm64,riscv64' }, help: { type: 'boolean' } },
  });
  if (values.help === true) return null;
  const required = values.require.split(',').filter((name) => name !== '');
  const unknown = required.find((name) => !ARCHITECTURES.some((each) => each.name === name));
  if (unknown === undefined) return required;
  throw new Error(
    `--require knows ${ARCHITECTURES.map(({ name }) => name).join(', ')}, not '${unknown}'.`,
  );
}

/** @param {readonly string[]} required @returns {number} the exit code */
function compileAll(required) {
  const target = readTarget();
  const reasons = installCompilers(ARCHITECTURES.filter((each) => !hasCompilers(each)));
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-cross-'));
  const count = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const architecture of ARCHITECTURES) {
      const { name } = architecture;
      const reason = reasons.get(name);
      const kind = reason === undefined ? 'passed' : required.includes(name) ? 'failed' : 'skipped';
      let line = `${kind}: ${reason}`;
      count[kind]++;
      if (kind === 'passed') {
        mkdirSync(join(folder, name));
        try {
          line = `ok (${compile(architecture, target, join(folder, name))})`;
        } catch (error) {
          count.passed--;
          count.failed++;
          line = `failed: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
      process.stdout.write(`${name}: ${line}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(
    `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`,
  );
  return count.failed > 0 ? 1 : 0;
}

/** @returns {number} the exit code */
function main() {
  let required;
  try {
    required = readOptions();
  } catch (error) {
    refuseUsage('cross-compile', error);
    return 2;
  }
  if (required !== null) return compileAll(required);
  process.stdout.write(HELP);
  return 0;
}

process.exitCode = main();
