// The command `npm run test:cross`: compiles the addon for the other architectures that have rseq, as binding.gyp says,
// and looks at what came out. That nothing runs is its limit: it finds what does not compile, does not link, has the
// wrong numbers, or would not load; not what does the wrong thing.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findCommand } from './vm/packages.mjs';

const HELP = `Compiles the addon for other architectures with Debian's cross compilers, and checks the result.

  node scripts/cross-compile.mjs [options]

  --require LIST   architectures that must not be skipped, with commas  (arm64,riscv64)
  --help           this text

As root on Debian, missing compilers are installed. Exit codes: 0 done, 1 something failed, 2 wrong usage.
`;

/**
 * @typedef {object} Architecture
 * @property {string} name as Node calls it
 * @property {string} triplet
 * @property {string} machine how readelf begins its name
 */

/** @type {readonly Architecture[]} */
const ARCHITECTURES = [
  { name: 'arm64', triplet: 'aarch64-linux-gnu', machine: 'AArch64' },
  { name: 'riscv64', triplet: 'riscv64-linux-gnu', machine: 'RISC-V' },
  { name: 's390x', triplet: 's390x-linux-gnu', machine: 'IBM S/390' },
  { name: 'loong64', triplet: 'loongarch64-linux-gnu', machine: 'LoongArch' },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** What node-gyp adds by itself to every target on Linux: Node's common.gypi, as far as code depends on it. */
const NODE_FLAGS = ['-O3', '-fPIC', '-fno-omit-frame-pointer'];
const NODE_FLAGS_CXX = ['-std=gnu++17', '-fno-rtti', '-fno-exceptions'];

/** What is read from the target in binding.gyp. Anything else in it would be ignored here, so it is an error. */
const KEYS = /** @type {const} */ (['sources', 'include_dirs', 'defines', 'cflags', 'cflags_c', 'cflags_cc', 'ldflags', 'libraries']);

/** @typedef {Record<(typeof KEYS)[number], string[]>} Target */

/** @returns {Target} */
function readTarget() {
  const [target, ...others] = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8')).targets;
  if (others.length > 0) throw new Error('binding.gyp has more than one target: this script knows what to do with one.');
  const { target_name: _name, ...rest } = target;
  const unknown = Object.keys(rest).filter((key) => !KEYS.some((known) => known === key));
  if (unknown.length > 0) throw new Error(`binding.gyp has ${unknown.join(', ')}, which this script would ignore: teach it.`);
  const entries = KEYS.map((key) => [key, (rest[key] ?? []).map(expand)]);
  return Object.fromEntries(entries);
}

/** @param {string} value of binding.gyp @returns {string} with a command in `<!(...)` replaced by what it prints */
function expand(value) {
  const command = /^<!\((.*)\)$/.exec(value)?.[1];
  return command === undefined ? value : execFileSync('sh', ['-c', command], { cwd: root, encoding: 'utf8' }).trim();
}

/** @param {Architecture} architecture @returns {string[]} the packages that bring its compilers on Debian */
const packagesOf = ({ triplet }) => [`gcc-${triplet}`, `g++-${triplet}`];

/** @param {Architecture} architecture */
const hasCompilers = ({ triplet }) => ['gcc', 'g++'].every((name) => findCommand(`${triplet}-${name}`) !== null);

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
      reasons.set(each.name, `no ${each.triplet}-gcc and -g++; on Debian, as root: apt-get install --no-install-recommends ${packages}`);
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
    if (install.status !== 0) reasons.set(each.name, `apt-get install ${packages.join(' ')} failed:\n${install.stderr}`);
    else if (!hasCompilers(each)) reasons.set(each.name, `${packages.join(' and ')} are installed, and yet no ${each.triplet}-gcc and -g++`);
  }
  return reasons;
}

/** @param {string} command @param {readonly string[]} args @returns {string} its output */
function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error?.message ?? ''}${stderr}${stdout}`.trimEnd());
  return stdout;
}

/**
 * @param {Architecture} architecture
 * @param {Target} target
 * @param {string} folder for what is made
 * @returns {number} bytes of the addon
 */
function compile({ triplet, machine }, target, folder) {
  const headers = [require('node-api-headers').include_dir, ...target.include_dirs];
  const common = [...headers.map((path) => `-I${path}`), ...target.defines.map((name) => `-D${name}`), ...NODE_FLAGS, ...target.cflags];
  const objects = target.sources.map((source) => {
    const object = join(folder, `${basename(source)}.o`);
    const isC = source.endsWith('.c');
    const flags = isC ? target.cflags_c : [...NODE_FLAGS_CXX, ...target.cflags_cc];
    run(`${triplet}-${isC ? 'gcc' : 'g++'}`, [...common, ...flags, '-c', source, '-o', object]);
    return object;
  });
  // System call number and signature, against the target's own headers.
  run(`${triplet}-gcc`, [...target.cflags, ...target.cflags_c, '-c', 'native/test/abi_check.c', '-o', join(folder, 'abi_check.o')]);
  const addon = join(folder, 'rseq_slice.node');
  run(`${triplet}-g++`, ['-shared', ...target.ldflags, ...objects, '-o', addon, ...target.libraries]);
  inspect(triplet, machine, addon);
  return statSync(addon).size;
}

/** Would the addon load, and stay? @param {string} triplet @param {string} machine @param {string} addon */
function inspect(triplet, machine, addon) {
  const found = /^\s*Machine:\s*(.*)$/m.exec(run(`${triplet}-readelf`, ['-h', addon]))?.[1] ?? 'nothing';
  if (!found.startsWith(machine)) throw new Error(`readelf -h says the machine is ${found}, not ${machine}`);
  if (!/NODELETE/.test(run(`${triplet}-readelf`, ['-d', addon]))) throw new Error('the addon may be unloaded: no NODELETE in readelf -d');
  // A symbol that a linked library has carries its version; Node-API's come from the program that loads the addon.
  const unresolved = run(`${triplet}-nm`, ['-D', '--undefined-only', addon])
    .split('\n')
    .filter((line) => / U /.test(line) && !line.includes('@'))
    .map((line) => line.trim().slice(2))
    .filter((symbol) => !symbol.startsWith('napi_'));
  if (unresolved.length > 0) throw new Error(`nothing has these symbols, so it would not load: ${unresolved.join(', ')}`);
}

/** @returns {readonly string[] | null} the required architectures; null: print the help */
function readOptions() {
  const { values } = parseArgs({ options: { require: { type: 'string', default: 'arm64,riscv64' }, help: { type: 'boolean' } } });
  if (values.help === true) return null;
  const required = values.require.split(',').filter((name) => name !== '');
  const unknown = required.find((name) => !ARCHITECTURES.some((each) => each.name === name));
  if (unknown === undefined) return required;
  throw new Error(`--require knows ${ARCHITECTURES.map(({ name }) => name).join(', ')}, not '${unknown}'.`);
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
          line = `ok (${compile(architecture, target, join(folder, name)).toLocaleString('en')} bytes)`;
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
  process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  return count.failed > 0 ? 1 : 0;
}

/** @returns {number} the exit code */
function main() {
  let required;
  try {
    required = readOptions();
  } catch (error) {
    process.stderr.write(`cross-compile: ${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return 2;
  }
  if (required !== null) return compileAll(required);
  process.stdout.write(HELP);
  return 0;
}

process.exitCode = main();
