// SPDX-License-Identifier: MIT
/**
 * The packages beside the library that have commands of their own, and how `rseq-slice NAME` gets
 * to them: they are looked for next to the library and where the user is, and what is not there is
 * a command that says how to install it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { version } from '../version.ts';
import { UsageError } from './command.ts';
import type { AddCommand, ExitCode } from './command.ts';

const TOOLS = 'rseq-slice-tools';
const VM = 'rseq-slice-vm';

/** What is looked for in which package, also where it is not installed: a test holds it to them. */
export const PASSED_ON: Readonly<Record<string, string>> = {
  demo: TOOLS,
  bench: TOOLS,
  report: TOOLS,
  trace: TOOLS,
  vm: VM,
};

/**
 * The commands of `rseq-slice-tools` and `rseq-slice-vm`, or what to install for them.
 * @param argv the words behind the program's name: nothing is looked for that they cannot be about
 */
export async function findCommands(argv: readonly string[]): Promise<AddCommand[]> {
  const [first = ''] = argv;
  const isAboutThem = first === '' || first.startsWith('-') || Object.hasOwn(PASSED_ON, first);
  const tools = isAboutThem ? findPackage(TOOLS, 'commands') : ABSENT;
  const vm = isAboutThem ? findPackage(VM, 'main') : ABSENT;
  const namesOf = (name: string): string[] =>
    Object.keys(PASSED_ON).filter((command) => PASSED_ON[command] === name);
  const commands =
    'module' in tools
      ? ((await import(tools.module)) as { readonly COMMANDS: readonly AddCommand[] }).COMMANDS
      : namesOf(TOOLS).map((name) => addMissing(name, TOOLS, tools.why));
  return [...commands, 'module' in vm ? addVm : addMissing('vm', VM, vm.why)];
}

/**
 * Runs `rseq-slice-vm` if that is what the words ask for: what they mean is for it to say.
 * @returns null: they ask for something else, or it is not installed
 */
export async function passToVm(argv: readonly string[]): Promise<ExitCode | null> {
  if (argv[0] !== 'vm') return null;
  const found = findPackage(VM, 'main');
  if (!('module' in found)) return null;
  const { main } = (await import(found.module)) as {
    readonly main: (argv: readonly string[]) => Promise<ExitCode>;
  };
  return await main(argv.slice(1));
}

/** Only for the list of commands. */
const addVm: AddCommand = (cli) => {
  cli.command('vm [...command]', 'Run a command in QEMU on a kernel with slices');
};

/** @param why a sentence without its stop */
function addMissing(name: string, from: string, why: string): AddCommand {
  return (cli) => {
    cli
      .command(
        `${name} [...words]`,
        `In the package ${from}, ${why}. Install it with: npm install --save-dev ${from}@${version}`,
      )
      .allowUnknownOptions()
      .action(() => {
        throw new UsageError(
          `This command is in the package ${from}, ${why}. ` +
            `Install it with: npm install --save-dev ${from}@${version}.`,
        );
      });
  };
}

type Found = { readonly module: string } | { readonly why: string };
const ABSENT: Found = { why: 'which is not installed here' };

/** What packages are looked for from: this file, and the folder that the user is in, if any. */
function places(): readonly string[] {
  const own = fileURLToPath(import.meta.url);
  try {
    return [own, join(process.cwd(), 'package.json')];
  } catch {
    // The folder has been removed.
    return [own];
  }
}

/** @param entry of the package's exports */
function findPackage(name: string, entry: string): Found {
  let unusable = ABSENT;
  for (const from of places()) {
    const found = findFrom(from, name, entry);
    if ('module' in found) return found;
    if (unusable === ABSENT) unusable = found;
  }
  return unusable;
}

/** @param from the file that would import it */
function findFrom(from: string, name: string, entry: string): Found {
  // First of all: what another version exports is not known.
  const found = versionFrom(from, name);
  if (found === null) return ABSENT;
  if (found !== version)
    return {
      why: `which is installed in version ${found}, while rseq-slice has version ${version}`,
    };
  const path = resolveFrom(from, `${name}/${entry}`);
  if (path === null) return ABSENT;
  // The library is their peer, so it may be missing where they are, or be another one.
  if (name === TOOLS && versionFrom(path, 'rseq-slice') !== version)
    return { why: `which is installed where it finds no rseq-slice of version ${version}` };
  return { module: pathToFileURL(path).href };
}

/** The version of a package as a file imports it; null: it is not there. */
function versionFrom(from: string, name: string): string | null {
  const path = resolveFrom(from, `${name}/package.json`);
  if (path === null) return null;
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}

/** The codes with which something is not there; the permission model may let nothing be read. */
const NOT_THERE: readonly unknown[] = [
  'MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_ACCESS_DENIED',
];

function resolveFrom(from: string, name: string): string | null {
  try {
    return createRequire(from).resolve(name);
  } catch (error) {
    if (NOT_THERE.includes((error as NodeJS.ErrnoException).code)) return null;
    throw error;
  }
}
