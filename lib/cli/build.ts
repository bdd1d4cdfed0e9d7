// SPDX-License-Identifier: MIT
/**
 * `rseq-slice build`: compiles the addon where the package brings none that fits,
 * or where one for this very machine is wanted. How, is what `scripts/native/`
 * knows, which is in the package; this is its face.
 */
import { spawnSync } from 'node:child_process';
import { ExitCode, readFlag } from './command.ts';
import type { AddCommand } from './command.ts';
import { describeForbidden, messageOf } from './output.ts';

/** What is used of `scripts/native/direct.mjs`. */
interface Builder {
  /** @returns where the addon is. @throws with what the compiler said and what to do. */
  readonly buildDirectly: () => string;
}

const DESCRIPTION =
  'Compile the addon from the sources in this package, with a C and a C++17 compiler and nothing else';
const EXIT_CODES =
  'Exit codes: 0 done and it loads, or there is nothing to compile for this system; 1 it failed: an addon that was there stays; 2 usage error.';

export const addBuild: AddCommand = (cli) => {
  cli
    .command(
      'build',
      `${DESCRIPTION}. The compilers are $CC and $CXX, else cc and c++, gcc and g++, or clang and clang++. ${EXIT_CODES}`,
    )
    .usage('build [options]')
    .option(
      '--json',
      'One object on stdout: the path of the addon, null where there is none, and what went wrong',
    )
    .example('  npx rseq-slice build')
    .action(({ json }: Readonly<Record<string, unknown>>) => build(readFlag('json', json)));
};

interface Result {
  readonly path: string | null;
  /** null: nothing did. */
  readonly error: string | null;
}

async function build(json: boolean): Promise<ExitCode> {
  const { path, error } = await compile();
  if (json) process.stdout.write(`${JSON.stringify({ path, error })}\n`);
  else if (error !== null) process.stderr.write(`rseq-slice build: ${error}\n`);
  else if (path === null)
    process.stdout.write(
      `Nothing to compile for ${process.platform}: slices are a feature of Linux, and the simulated kernel serves here.\n`,
    );
  else process.stdout.write(`The addon is in ${path}, and loads.\n`);
  return error === null ? ExitCode.Done : ExitCode.Failed;
}

async function compile(): Promise<Result> {
  if (process.platform !== 'linux') return { path: null, error: null };
  let path: string;
  try {
    // Beside lib/ as beside dist/.
    const { buildDirectly } = (await import(
      new URL('../../scripts/native/direct.mjs', import.meta.url).href
    )) as Builder;
    path = buildDirectly();
  } catch (error) {
    const forbidden = describeForbidden(error);
    return {
      path: null,
      error:
        forbidden === null
          ? messageOf(error)
          : `${forbidden}. Or run this without --permission: it calls compilers and writes here.`,
    };
  }
  // Not here, where another one may be loaded. As an argument, since a path may have quotes in it.
  // And without what the user's programs load first, whose failures and words are not the addon's.
  const env = { ...process.env, NODE_OPTIONS: undefined };
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['-e', 'require(process.argv[1]).probe(0, 0)', path],
    { encoding: 'utf8', env },
  );
  const said = signal === null ? stderr.trim() : `ended by ${signal}`;
  return { path, error: status === 0 ? null : `${path} was compiled, but does not load: ${said}` };
}
