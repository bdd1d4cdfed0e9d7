// SPDX-License-Identifier: MIT
/**
 * The commands that documents name, held against what there is: npm scripts,
 * and the subcommands of rseq-slice with their options.
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

/** What a subcommand says of itself. */
function help(command: string): string {
  const known = helps.get(command);
  if (known !== undefined) return known;
  const { stdout } = spawnSync(
    process.execPath,
    [join(root, 'dist/cli/main.js'), ...(command === '' ? [] : [command]), '--help'],
    { encoding: 'utf8' },
  );
  helps.set(command, stdout);
  return stdout;
}

function complainOfSubcommand([command = '', ...rest]: readonly string[]): string | null {
  if (command === '' || /^-/.test(command)) return null;
  if (!new RegExp(`^ {2}${command}\\b`, 'm').test(help('')))
    return `rseq-slice has no command '${command}'`;
  const end = rest.indexOf('--');
  for (const word of end < 0 ? rest : rest.slice(0, end)) {
    const option = /^--[\w-]+/.exec(word)?.[0];
    if (option !== undefined && !help(command).includes(option))
      return `rseq-slice ${command} has no option '${option}'`;
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
  if (first === 'npx' && second === 'rseq-slice') return complainOfSubcommand(words.slice(2));
  if (first === 'rseq-slice') return complainOfSubcommand(words.slice(1));
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
  const quoted = [...prose.matchAll(/`((?:npm run|npx rseq-slice|rseq-slice) [^`]+)`/g)].map(
    ([, command = '']) => ({ command, isAny: false }),
  );
  return [...lines, ...quoted];
}
