// SPDX-License-Identifier: MIT
// What must be true of the packages that people install. Each check throws when it is not, and
// returns what it found. They go in this order: the first ones read the tarballs, then the library
// is installed, then its tools and guests next to it, and the last ones change what was installed.

import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isThere } from '../native/compilers.mjs';
import { root } from '../native/target.mjs';
import { LINKS, READABLE, STACK_TRACE } from './readable.mjs';
import { checkImports } from './symbols.mjs';
import { tool } from './tools.mjs';
import { buildWithPreload, BUILT, checkUse, PREBUILT, USES } from './uses.mjs';

/**
 * @typedef {object} Context
 * @property {import('./pack.mjs').Packed} packed the library
 * @property {readonly import('./pack.mjs').Packed[]} all it, the tools and the guests
 * @property {import('./project.mjs').Project} project
 * @property {readonly string[]} kernel to put before a command, for a kernel that says it has
 * slices; empty: there is none
 *
 * @typedef {object} Check
 * @property {string} name
 * @property {(context: Context) => string} run
 * @property {() => string | null} [whyNot] why it cannot be run here
 * @property {boolean} [isNeeded] others need what it does
 */

/** Bytes of the library's files, unpacked. */
const LARGEST = 1_700_000;
/** ms. */
const WANTED = 5_000;
const DEPENDENCIES = ['cac'];

const onLinux = () => (process.platform === 'linux' ? null : 'addons are for Linux');
const withCompilers = () =>
  onLinux() ?? (isThere(['cc']) && isThere(['c++']) ? null : 'no cc and c++ here');

/** @param {string} folder @returns {number} bytes of its files */
function sizeOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    statSync(join(folder, name)),
  );
  return files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
}

/** What every package has. */
const WANTED_FILES = ['LICENSE', 'README.md', 'package.json'];

/** What each has besides. @type {Readonly<Record<string, readonly string[]>>} */
const CONTENT = {
  'rseq-slice': [
    'CHANGELOG.md',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'native/binding.gyp',
    'native/src/addon.cc',
    'scripts/native/direct.mjs',
  ],
  'rseq-slice-tools': [
    'dist/commands.d.ts',
    'dist/main.js',
    'dist/report/assets/client.js',
    'schema/bench.schema.json',
  ],
  'rseq-slice-vm': ['lib/main.mjs', 'lib/guest/init.sh', 'lib/kernel/fragment.config'],
};

/** @param {number} bytes */
const inKilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/**
 * @param {Context} context
 * @param {string} [name]
 * @returns {string} where npm put the package
 */
const installed = ({ project }, name = 'rseq-slice') =>
  join(project.consumer, 'node_modules', name);

/** @param {Context} context @param {readonly string[]} command of npm, with its words */
const install = ({ project }, command) =>
  project.succeed(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...command]);

/**
 * @param {Context} context
 * @param {readonly string[]} args of npx
 * @param {number} expected exit code
 * @returns {string} what it printed
 */
function npx({ project }, args, expected = 0) {
  const { status, stdout, stderr } = project.run(['npx', '--no-install', ...args]);
  strictEqual(status, expected, `${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout + stderr;
}

/**
 * The program of the project, run.
 * @param {Context} context
 * @param {readonly string[]} args of Node
 * @param {import('./uses.mjs').Expected} [expected]
 */
const use = ({ project, kernel }, args, expected = PREBUILT) =>
  checkUse(project.read([...kernel, 'node', ...args]), expected, kernel);

/**
 * @param {string} resolution
 * @param {string} module
 * @param {readonly string[]} files
 * @returns {Check}
 */
function types(resolution, module, files) {
  return {
    name: `types, ${resolution}`,
    run: ({ project }) => {
      const typeRoots = join(root, 'node_modules/@types');
      // Those that go out of use, too.
      const options = [
        '--strict',
        '--noEmit',
        '--ignoreDeprecations',
        '6.0',
        '--target',
        'es2022',
        '--types',
        'node',
        '--typeRoots',
        typeRoots,
      ];
      project.succeed([
        process.execPath,
        join(root, 'node_modules/typescript/bin/tsc'),
        ...options,
        '--module',
        module,
        '--moduleResolution',
        resolution,
        ...files,
      ]);
      return `tsc --strict, ${files.join(' and ')}, with the declarations of the package themselves`;
    },
  };
}

/**
 * With the tools and the guests installed next to the library, and just before.
 * @type {readonly Check[]}
 */
const TOGETHER = [
  {
    name: 'npx rseq-slice, the library alone',
    run: (context) => {
      const [, tools, vm] = context.all;
      for (const name of ['demo', 'bench', 'report', 'trace', 'vm']) {
        const wanted = name === 'vm' ? vm : tools;
        const advice = `npm install --save-dev ${wanted?.name}@${wanted?.version}.`;
        const said = npx(context, ['rseq-slice', name], 2).replaceAll(/\s+/g, ' ');
        ok(said.includes(advice), `${name} says '${said}'`);
      }
      return 'demo, bench, report, trace and vm say what to install, with exit code 2';
    },
  },
  {
    name: 'npm install, the tools and guests',
    isNeeded: true,
    run: (context) => {
      install(context, ['--save-dev', ...context.all.slice(1).map(({ path }) => path)]);
      const { consumer } = context.project;
      const modules = readdirSync(join(consumer, 'node_modules')).filter(
        (name) => !name.startsWith('.'),
      );
      const wanted = [...DEPENDENCIES, ...context.all.map(({ name }) => name), 'uplot'];
      deepStrictEqual(modules.sort(), wanted.sort());
      return 'the tools bring uplot; the guests bring nothing';
    },
  },
  LINKS,
  READABLE,
  STACK_TRACE,
  { name: 'schema', run: ({ project }) => project.read(['node', 'schema.cjs']) },
  {
    name: '--help of every program',
    run: (context) => {
      /** @type {readonly (readonly [string, RegExp])[]} */
      const helps = [
        ['rseq-slice --help', /^ {2}bench \[?/m],
        ['rseq-slice-tools --help', /^ {2}trace /m],
        ['rseq-slice vm --help', /--accelerator/],
        ['rseq-slice-vm --help', /--accelerator/],
        ['rseq-slice-vm kernel --help', /--jobs N/],
      ];
      for (const [words, wanted] of helps) match(npx(context, words.split(' ')), wanted, words);
      return helps.map(([words]) => words).join(', ');
    },
  },
  {
    name: 'npx rseq-slice demo',
    run: ({ project }) => {
      const { workers, wrong } = project.read([
        ...['npx', '--no-install', 'rseq-slice', 'demo'],
        ...['--seconds', '0.3', '--workers', '2', '--json'],
      ]);
      deepStrictEqual(wrong, []);
      return `${workers.length} workers, whose programs are files of the package`;
    },
  },
  {
    name: 'npx rseq-slice bench, report',
    run: (context) => {
      const { consumer } = context.project;
      const bench = ['bench', 'locks', '--lock', 'mutex', '--workers', '1', '--section', '1'];
      const short = ['--rounds', '1', '--seconds', '0.1', '--warm', '0.1', '--json', 'locks.json'];
      npx(context, ['rseq-slice', ...bench, ...short]);
      npx(context, ['rseq-slice', 'report', 'locks.json', '--out', 'page.html']);
      const page = readFileSync(join(consumer, 'page.html'), 'utf8');
      ok(page.includes('var uPlot='), 'the plotting library is not in the page');
      return `a record, and a page of ${inKilobytes(page.length)}`;
    },
  },
  {
    name: 'npx rseq-slice-tools trace',
    run: (context) => {
      const out = join(context.project.consumer, 'trace.json');
      npx(context, ['rseq-slice-tools', 'trace', '--out', out, '--', 'node', 'worker.mjs']);
      const { traceEvents } = JSON.parse(readFileSync(out, 'utf8'));
      ok(traceEvents.length > 0, 'nothing was recorded');
      return `${traceEvents.length} events of a program with two workers`;
    },
  },
];

/** @type {readonly Check[]} */
export const CHECKS = [
  {
    name: 'content',
    run: ({ all }) => {
      const said = all.map(({ name, files, size, unpackedSize }) => {
        const missing = [...WANTED_FILES, ...(CONTENT[name] ?? [])].filter(
          (file) => !files.includes(file),
        );
        const wrong = files.filter((file) => /\.map$|\.ts$(?<!\.d\.ts)|(^|\/)test\//.test(file));
        deepStrictEqual({ missing, wrong }, { missing: [], wrong: [] }, name);
        if (name === 'rseq-slice')
          ok(
            unpackedSize <= LARGEST,
            `${inKilobytes(unpackedSize)}, more than ${inKilobytes(LARGEST)}`,
          );
        return `${name}: ${files.length} files, ${inKilobytes(size)}, unpacked ${inKilobytes(unpackedSize)}`;
      });
      return `${said.join('; ')} (the library at most ${inKilobytes(LARGEST)})`;
    },
  },
  {
    name: 'prebuilt addon',
    whyNot: onLinux,
    run: ({ packed }) => {
      const prebuilt = packed.files.filter((name) => name.startsWith('prebuilds/'));
      ok(
        prebuilt.some((name) => name.startsWith(`prebuilds/${process.platform}-${process.arch}/`)),
        `none for ${process.arch}`,
      );
      // The loader knows these names, and no others.
      deepStrictEqual(
        prebuilt.filter(
          (name) => !/^prebuilds\/linux-\w+\/rseq-slice\.(glibc|musl)\.node$/.test(name),
        ),
        [],
      );
      const found = prebuilt
        .filter((name) => name.includes('.glibc.'))
        .map(
          (name) =>
            `${name}, ${checkImports(join(root, name))} symbols, none newer than Node's own`,
        );
      return found.join('; ');
    },
  },
  {
    name: 'publint --strict',
    run: ({ all, project }) =>
      all
        .map(({ name, path }) => {
          const said = project.succeed([...tool('publint'), 'run', path, '--strict']);
          return `${name}: ${said.trim().split('\n').at(-1)}`;
        })
        .join('; '),
  },
  {
    name: 'attw, every resolution',
    run: ({ all, project }) => {
      const attw = tool('attw', '@arethetypeswrong/cli');
      // That require() gets an ES module is so from Node 20.19 on.
      const common = ['--ignore-rules', 'cjs-resolves-to-esm', '--no-color'];
      const [library, tools] = all;
      project.succeed([...attw, library?.path ?? '', ...common]);
      // They are for programs that read package.json's exports, and so is a schema without types.
      const newer = ['--profile', 'node16', '--entrypoints', 'commands'];
      project.succeed([...attw, tools?.path ?? '', ...common, ...newer]);
      return 'no problems, node10 included for the library; the guests have no types to find';
    },
  },
  {
    name: 'repository',
    run: ({ all }) => {
      const [library] = all;
      strictEqual(new Set(all.map(({ repository }) => repository)).size, 1);
      return (
        library?.repository ??
        'none named: there is no git remote origin with an address. A release is not packed without'
      );
    },
  },
  {
    name: 'npm install',
    isNeeded: true,
    run: (context) => {
      const start = performance.now();
      install(context, [context.packed.path]);
      const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
      const installing = seconds();
      context.project.read(['node', 'esm.mjs']);
      // How long npm takes is the network's and the machine's business: told, not asserted.
      return `${installing} s, to the end of a first section ${seconds()} s (wanted: less than ${WANTED / 1000}), without scripts, compilers, make or Python`;
    },
  },
  {
    name: 'dependencies',
    run: ({ project }) => {
      const modules = readdirSync(join(project.consumer, 'node_modules')).filter(
        (name) => !name.startsWith('.'),
      );
      deepStrictEqual(modules.sort(), [...DEPENDENCIES, 'rseq-slice'].sort());
      return `${DEPENDENCIES.length}: ${DEPENDENCIES.join(', ')}`;
    },
  },
  {
    name: 'installed size',
    run: (context) => {
      const own = sizeOf(installed(context));
      const all = DEPENDENCIES.reduce((sum, name) => sum + sizeOf(installed(context, name)), own);
      strictEqual(own, context.packed.unpackedSize);
      return `${inKilobytes(own)}, ${inKilobytes(all)} with dependencies`;
    },
  },
  {
    name: 'no install scripts',
    run: (context) => {
      const { scripts = {} } = JSON.parse(
        readFileSync(join(installed(context), 'package.json'), 'utf8'),
      );
      deepStrictEqual(
        ['preinstall', 'install', 'postinstall'].filter((name) => name in scripts),
        [],
      );
      ok(
        !readdirSync(installed(context)).includes('binding.gyp'),
        'package managers run node-gyp, or warn, where they find a binding.gyp at the top',
      );
      return 'and no binding.gyp that a package manager would take for one';
    },
  },
  { name: 'import', run: (context) => use(context, ['esm.mjs']) },
  {
    name: 'require',
    run: (context) => use(context, ['--no-warnings', 'require.cjs']),
  },
  {
    name: 'workers',
    run: ({ project }) => {
      const { count, origins } = project.read(['node', 'worker.mjs']);
      const origin = process.platform === 'linux' ? 'prebuild' : null;
      deepStrictEqual({ count, origins }, { count: 20_000, origins: [origin, origin] });
      return 'two of them, 20,000 locked sections';
    },
  },
  types('nodenext', 'nodenext', ['types.mts', 'types.cts']),
  types('node16', 'node16', ['types.mts']),
  types('bundler', 'esnext', ['types.mts']),
  types('node10', 'esnext', ['types.ts']),
  ...USES,
  {
    name: 'npx rseq-slice doctor',
    run: ({ project }) => {
      const { status, stdout, stderr } = project.run([
        'npx',
        '--no-install',
        'rseq-slice',
        'doctor',
        '--json',
      ]);
      ok(status === 0 || status === 1, `it ended with ${status}: ${stderr}`);
      const { probe } = JSON.parse(stdout).facts;
      if (process.platform === 'linux') strictEqual(probe.addon.origin, 'prebuild');
      return `${basename(probe.addon.path ?? 'no addon')}, ${probe.slices.reason}`;
    },
  },
  ...TOGETHER,
  {
    name: 'without a prebuilt addon',
    whyNot: onLinux,
    run: (context) => {
      rmSync(join(installed(context), 'prebuilds'), { recursive: true });
      return use(context, ['esm.mjs'], {
        state: 'missing',
        origin: null,
        remedy: /npx rseq-slice build/,
      });
    },
  },
  {
    name: 'rseq-slice build, no compiler',
    whyNot: onLinux,
    run: ({ project }) => {
      const { status, stderr } = project.run(['npx', '--no-install', 'rseq-slice', 'build']);
      strictEqual(status, 1);
      ok(/There is no C\+\+ compiler/.test(stderr), `it says '${stderr}'`);
      return stderr.trim();
    },
  },
  {
    name: 'rseq-slice build',
    whyNot: withCompilers,
    run: (context) => {
      const { error } = context.project.read(
        ['npx', '--no-install', 'rseq-slice', 'build', '--json'],
        { withCompilers: true },
      );
      strictEqual(error, null);
      return use(context, ['esm.mjs'], BUILT);
    },
  },
  { name: 'rseq-slice build, with a preload', whyNot: withCompilers, run: buildWithPreload },
];
