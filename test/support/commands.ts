// SPDX-License-Identifier: MIT
/**
 * The commands that documents name, held against what there is: npm scripts,
 * and the commands of the three packages with their options.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { blocksOf, readDocument, root } from './examples.ts';

/** What stands in shell examples and comes from elsewhere. */
const FOREIGN = new Set([
  'npm',
  'npx',
  'node',
  'cat',
  'cp',
  'docker',
  'podman',
  'echo',
  'git',
  'grep',
  'mount',
  'sudo',
  'uname',
  'zgrep',
  'cc',
  'cmake',
  'ctest',
]);

/** What npm does without a script of that name. */
const NPM = new Set(['ci', 'install', 'start', 'test', 'run', 'publish', 'version', 'pack']);

const scripts = Object.keys(
  (JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> }).scripts,
);
const helps = new Map<string, string>();

/** The programs of the packages, where a checkout has them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'rseq-slice': 'dist/cli/main.js',
  'rseq-slice-tools': 'packages/tools/dist/main.js',
  'rseq-slice-vm': 'packages/vm/lib/main.mjs',
};

/** What a program, or a subcommand of it, says of itself. */
function help(program: string, command = ''): string {
  const words = [...(command === '' ? [] : [command]), '--help'];
  const known = helps.get([program, ...words].join(' '));
  if (known !== undefined) return known;
  const { stdout } = spawnSync(process.execPath, [join(root, PROGRAMS[program] ?? ''), ...words], {
    encoding: 'utf8',
  });
  helps.set([program, ...words].join(' '), stdout);
  return stdout;
}

/** @param words of the program, its own name first */
function complainOfProgram([program = '', ...words]: readonly string[]): string | null {
  const isVm = program === 'rseq-slice-vm';
  const command = isVm ? words.filter((word) => word === 'kernel').slice(0, 1) : words.slice(0, 1);
  const [name = ''] = command;
  if (!isVm) {
    if (name === '' || name.startsWith('-')) return null;
    if (!new RegExp(`^ {2}${name}\\b`, 'm').test(help(program)))
      return `${program} has no command '${name}'`;
  }
  const end = words.indexOf('--');
  for (const word of end < 0 ? words : words.slice(0, end)) {
    const option = /^--[\w-]+/.exec(word)?.[0];
    if (option !== undefined && !help(program, name).includes(option))
      return `${[program, ...command].join(' ')} has no option '${option}'`;
  }
  return null;
}

/**
 * @returns what is wrong with a command; null: nothing. `isAny`: commands that are nobody's are
 * wrong too.
 */
export function complainOf(command: string, { isAny }: { readonly isAny: boolean }): string | null {
  const words = command
    .trim()
    .split(/\s+/)
    .filter((word) => !/^[A-Z][A-Z_0-9]*=/.test(word));
  const [first = '', second = '', third = ''] = words;
  if (first === 'npm' && second === 'run') {
    return scripts.includes(third) || third.startsWith('-')
      ? null
      : `package.json has no script '${third}'`;
  }
  if (first === 'npm' && isAny && !NPM.has(second)) return `npm has no command '${second}'`;
  const ours = first === 'npx' ? words.slice(1) : words;
  if (Object.hasOwn(PROGRAMS, ours[0] ?? '')) return complainOfProgram(ours);
  return isAny && first !== '' && !FOREIGN.has(first)
    ? `'${first}' is nothing that a reader has`
    : null;
}

/**
 * The commands of a document: lines of its shell examples, and what stands between backquotes in
 * its prose.
 */
export function commandsOf(
  document: string,
): readonly { readonly command: string; readonly isAny: boolean }[] {
  const lines = blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|\|/))
    .filter((command) => command.trim() !== '')
    .map((command) => ({ command, isAny: true }));
  const prose = readDocument(document).replace(/^```[^]*?^```$/gm, '');
  const quoted = [
    ...prose.matchAll(/`((?:npm run|(?:npx )?rseq-slice(?:-tools|-vm)?) [^`]+)`/g),
  ].map(([, command = '']) => ({ command, isAny: false }));
  return [...lines, ...quoted];
}
