// What must be true of the package that people install. Each check throws when it is not, and returns what it found. They go
// in this order: the first ones read the tarball, then it is installed, and the last ones change what was installed.

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isThere } from '../native/compilers.mjs';
import { root } from '../native/target.mjs';
import { checkImports } from './symbols.mjs';

/**
 * @typedef {object} Context
 * @property {import('./pack.mjs').Packed} packed
 * @property {import('./project.mjs').Project} project
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
const DEPENDENCIES = ['cac', 'node-gyp-build'];

const onLinux = () => (process.platform === 'linux' ? null : 'addons are for Linux');
const withCompilers = () => onLinux() ?? (isThere(['cc']) && isThere(['c++']) ? null : 'no cc and c++ here');

/**
 * A program of one of the checkout's packages.
 * @param {string} program
 * @param {string} [packageName] default: called the same
 * @returns {string[]}
 */
function tool(program, packageName = program) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return [process.execPath, join(folder, typeof bin === 'string' ? bin : bin[program])];
}

/** What the program of the project prints when all of it works. @param {any} printed @param {object} [expected] */
function checkUse(printed, expected) {
  const { seven, isExclusive, isYielded, origin, state } = printed;
  deepStrictEqual({ seven, isExclusive, isYielded }, { seven: 7, isExclusive: true, isYielded: true });
  deepStrictEqual({ origin, state }, expected ?? (process.platform === 'linux' ? { origin: 'prebuild', state: 'loaded' } : { origin: null, state: 'not-linux' }));
  return `addon ${state}${origin === null ? '' : `, ${origin}`}; backend ${printed.backend}`;
}

const MISSING = { origin: null, state: 'missing' };

/** @param {string} folder @returns {number} bytes of its files */
function sizeOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(folder, name)));
  return files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
}

/** @param {number} bytes */
const inKilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** @param {Context} context @returns {string} where npm put the package */
const installed = ({ project }) => join(project.consumer, 'node_modules/rseq-slice');

/**
 * @param {string} name
 * @param {(entry: string, output: string) => string[]} bundle the command
 * @param {object} [expected] of its addon
 * @returns {Check}
 */
function bundled(name, bundle, expected) {
  return {
    name,
    run: ({ project }) => {
      const output = join('bundles', `${name.replaceAll(/\W+/g, '-')}.mjs`);
      project.succeed(bundle('esm.mjs', output));
      return checkUse(project.read(['node', output]), expected);
    },
  };
}

const esbuildProgram = fileURLToPath(new URL('esbuild.mjs', import.meta.url));
const webpackProgram = fileURLToPath(new URL('webpack.mjs', import.meta.url));
/** @param {string} entry @param {string} output */
const esbuild = (entry, output) => [process.execPath, esbuildProgram, entry, output];
/** @param {string} entry @param {string} output */
const webpack = (entry, output) => [process.execPath, webpackProgram, entry, output];
/** @param {string} resolution @param {string} module @param {readonly string[]} files @returns {Check} */
function types(resolution, module, files) {
  return {
    name: `types, ${resolution}`,
    run: ({ project }) => {
      const typeRoots = join(root, 'node_modules/@types');
      const options = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--typeRoots', typeRoots];
      project.succeed([...tool('tsc', 'typescript'), ...options, '--module', module, '--moduleResolution', resolution, ...files]);
      return `tsc --strict, ${files.join(' and ')}, with the declarations of the package themselves`;
    },
  };
}

/** @type {readonly Check[]} */
export const CHECKS = [
  {
    name: 'content',
    run: ({ packed }) => {
      for (const wanted of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/native.br', 'scripts/native/direct.mjs']) {
        ok(packed.files.includes(wanted), `${wanted} is missing`);
      }
      const wrong = packed.files.filter((name) => /\.map$|\.ts$(?<!\.d\.ts)|(^|\/)test\//.test(name));
      deepStrictEqual(wrong, [], 'is for developers alone');
      return `${packed.files.length} files, tarball ${inKilobytes(packed.size)}`;
    },
  },
  {
    name: 'prebuilt addon',
    whyNot: onLinux,
    run: ({ packed }) => {
      const prebuilt = packed.files.filter((name) => name.startsWith('prebuilds/'));
      ok(prebuilt.some((name) => name.startsWith(`prebuilds/${process.platform}-${process.arch}/`)), `none for ${process.arch}`);
      const found = prebuilt.filter((name) => name.includes('.glibc.')).map((name) => `${name}, ${checkImports(join(root, name))} symbols, none newer than Node's own`);
      return found.join('; ');
    },
  },
  {
    name: 'publint --strict',
    run: ({ packed, project }) => project.succeed([...tool('publint'), 'run', packed.path, '--strict']).trim().split('\n').at(-1) ?? '',
  },
  {
    name: 'attw --profile esm-only',
    run: ({ packed, project }) => {
      project.succeed([...tool('attw', '@arethetypeswrong/cli'), packed.path, '--profile', 'esm-only', '--no-color']);
      return 'no problems';
    },
  },
  {
    name: 'npm install',
    run: ({ packed, project }) => {
      const start = performance.now();
      project.succeed(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', packed.path]);
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
      const modules = readdirSync(join(project.consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
      deepStrictEqual(modules.sort(), [...DEPENDENCIES, 'rseq-slice'].sort());
      return `${DEPENDENCIES.length}: ${DEPENDENCIES.join(', ')}`;
    },
  },
  {
    name: 'installed size',
    run: (context) => {
      const own = sizeOf(installed(context));
      const all = own + DEPENDENCIES.reduce((sum, name) => sum + sizeOf(join(context.project.consumer, 'node_modules', name)), 0);
      ok(all < LARGEST, `${inKilobytes(all)}, not less than ${inKilobytes(LARGEST)}`);
      return `${inKilobytes(all)} with dependencies (less than ${inKilobytes(LARGEST)}), ${inKilobytes(own)} without`;
    },
  },
  {
    name: 'no install scripts',
    run: (context) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(installed(context), 'package.json'), 'utf8'));
      deepStrictEqual(['preinstall', 'install', 'postinstall'].filter((name) => name in scripts), []);
      ok(!readdirSync(installed(context)).includes('binding.gyp'), 'npm runs node-gyp where it finds a binding.gyp');
      return 'and no binding.gyp that npm would take for one';
    },
  },
  { name: 'import', run: ({ project }) => checkUse(project.read(['node', 'esm.mjs'])) },
  {
    name: 'require',
    run: ({ project }) => checkUse(project.read(['node', '--no-warnings', 'require.cjs'])),
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
  bundled('esbuild, external', (entry, output) => [...esbuild(entry, output), 'rseq-slice']),
  bundled('webpack, external', (entry, output) => [...webpack(entry, output), 'external']),
  {
    name: 'vite build --ssr',
    run: ({ project }) => {
      project.succeed([...tool('vite'), 'build', '--ssr', 'esm.mjs', '--outDir', 'bundles/vite', '--logLevel', 'warn']);
      const [output = ''] = readdirSync(join(project.consumer, 'bundles/vite'));
      return checkUse(project.read(['node', join('bundles/vite', output)]));
    },
  },
  // Where the package is in the bundle itself, it looks for the addon beside the bundle: that it is not there is told, and
  // nothing breaks. webpack writes the place of the package on this machine into its bundle, so here it is found.
  bundled('esbuild, bundled', esbuild, process.platform === 'linux' ? MISSING : undefined),
  bundled('webpack, bundled', webpack),
  {
    name: 'npx rseq-slice doctor',
    run: ({ project }) => {
      const { status, stdout, stderr } = project.run(['npx', '--no-install', 'rseq-slice', 'doctor', '--json']);
      ok(status === 0 || status === 1, `it ended with ${status}: ${stderr}`);
      const { probe } = JSON.parse(stdout).facts;
      if (process.platform === 'linux') strictEqual(probe.addon.origin, 'prebuild');
      return `${basename(probe.addon.path ?? 'no addon')}, ${probe.slices.reason}`;
    },
  },
  {
    name: 'npx rseq-slice demo',
    run: ({ project }) => {
      const { workers, wrong } = project.read(['npx', '--no-install', 'rseq-slice', 'demo', '--seconds', '0.3', '--workers', '2', '--json']);
      deepStrictEqual(wrong, []);
      return `${workers.length} workers, whose programs are files of the package`;
    },
  },
  {
    name: 'without a prebuilt addon',
    whyNot: onLinux,
    run: (context) => {
      rmSync(join(installed(context), 'prebuilds'), { recursive: true });
      const printed = context.project.read(['node', 'esm.mjs']);
      checkUse(printed, MISSING);
      strictEqual(printed.reason, 'addon-missing');
      strictEqual(printed.backend, 'simulated');
      ok(printed.remedy.includes('npx rseq-slice build'), `the remedy is '${printed.remedy}'`);
      return `${printed.reason}, the simulated kernel serves; remedy: npx rseq-slice build`;
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
    run: ({ project }) => {
      const { error } = project.read(['npx', '--no-install', 'rseq-slice', 'build', '--json'], { withCompilers: true });
      strictEqual(error, null);
      return checkUse(project.read(['node', 'esm.mjs']), { origin: 'build', state: 'loaded' });
    },
  },
];
