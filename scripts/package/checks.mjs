// SPDX-License-Identifier: MIT
// What must be true of the package that people install. Each check throws when it is not, and
// returns what it found. They go in this order: the first ones read the tarball, then it is
// installed, and the last ones change what was installed.

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isThere } from '../native/compilers.mjs';
import { root } from '../native/target.mjs';
import { linksOf } from './pages.mjs';
import { checkImports } from './symbols.mjs';
import { tool } from './tools.mjs';
import { buildWithPreload, BUILT, checkUse, PREBUILT, USES } from './uses.mjs';

/**
 * @typedef {object} Context
 * @property {import('./pack.mjs').Packed} packed
 * @property {import('./project.mjs').Project} project
 * @property {readonly string[]} kernel to put before a command, for a kernel that says it has
 * slices; empty: there is none
 *
 * @typedef {object} Check
 * @property {string} name
 * @property {(context: Context) => string} run
 * @property {() => string | null} [whyNot] why it cannot be run here
 */

/** Bytes of what `npm install rseq-slice` puts onto the disk. */
const LARGEST = 1_500_000;
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

/** @param {number} bytes */
const inKilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** @param {Context} context @returns {string} where npm put the package */
const installed = ({ project }) => join(project.consumer, 'node_modules/rseq-slice');

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

/** @type {readonly Check[]} */
export const CHECKS = [
  {
    name: 'content',
    run: ({ packed }) => {
      for (const wanted of [
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli/main.js',
        'dist/native.br',
        'scripts/native/direct.mjs',
      ]) {
        ok(packed.files.includes(wanted), `${wanted} is missing`);
      }
      const wrong = packed.files.filter((name) =>
        /\.map$|\.ts$(?<!\.d\.ts)|(^|\/)test\//.test(name),
      );
      deepStrictEqual(wrong, [], 'is for developers alone');
      return `${packed.files.length} files, tarball ${inKilobytes(packed.size)}`;
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
    run: ({ packed, project }) =>
      project
        .succeed([...tool('publint'), 'run', packed.path, '--strict'])
        .trim()
        .split('\n')
        .at(-1) ?? '',
  },
  {
    name: 'attw, every resolution',
    run: ({ packed, project }) => {
      // That require() gets an ES module is so from Node 20.19 on.
      project.succeed([
        ...tool('attw', '@arethetypeswrong/cli'),
        packed.path,
        '--ignore-rules',
        'cjs-resolves-to-esm',
        '--no-color',
      ]);
      return 'no problems, node10 included';
    },
  },
  {
    name: 'repository',
    run: ({ packed }) =>
      packed.repository ??
      'none named: there is no git remote origin with an address. A release is not packed without',
  },
  {
    name: 'npm install',
    run: ({ packed, project }) => {
      const start = performance.now();
      project.succeed([
        'npm',
        'install',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        packed.path,
      ]);
      const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
      const install = seconds();
      project.read(['node', 'esm.mjs']);
      // How long npm takes is the network's and the machine's business: told, not asserted.
      return `${install} s, to the end of a first section ${seconds()} s (wanted: less than ${WANTED / 1000}), without scripts, compilers, make or Python`;
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
      const all =
        own +
        DEPENDENCIES.reduce(
          (sum, name) => sum + sizeOf(join(context.project.consumer, 'node_modules', name)),
          0,
        );
      ok(all < LARGEST, `${inKilobytes(all)}, not less than ${inKilobytes(LARGEST)}`);
      return `${inKilobytes(all)} with dependencies (less than ${inKilobytes(LARGEST)}), ${inKilobytes(own)} without`;
    },
  },
  {
    name: 'links of the pages',
    run: (context) => {
      const { files } = context.packed;
      const pages = files.filter((name) => name.endsWith('.md'));
      const links = pages.flatMap((page) =>
        linksOf(readFileSync(join(installed(context), page), 'utf8'), page).map((file) => ({
          page,
          file,
        })),
      );
      deepStrictEqual(
        links.filter(({ file }) => !files.includes(file)),
        [],
        'they lead out of the package',
      );
      ok(links.length > 50, `only ${links.length} were found`);
      return `${links.length} in ${pages.length} pages, all to files of the package`;
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
        'npm runs node-gyp where it finds a binding.gyp',
      );
      return 'and no binding.gyp that npm would take for one';
    },
  },
  { name: 'import', run: (context) => use(context, ['esm.mjs']) },
  {
    name: 'require',
    run: (context) => use(context, ['--no-warnings', 'require.cjs']),
  },
  { name: 'schema', run: ({ project }) => project.read(['node', 'schema.cjs']) },
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
  {
    name: 'npx rseq-slice demo',
    run: ({ project }) => {
      const { workers, wrong } = project.read([
        'npx',
        '--no-install',
        'rseq-slice',
        'demo',
        '--seconds',
        '0.3',
        '--workers',
        '2',
        '--json',
      ]);
      deepStrictEqual(wrong, []);
      return `${workers.length} workers, whose programs are files of the package`;
    },
  },
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
