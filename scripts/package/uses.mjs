// SPDX-License-Identifier: MIT
// The package in the hands of others: bundlers, collectors of a deployment's files, Node's
// permission model, Yarn's Plug'n'Play, test runners and other runtimes. Each tells whether the
// addon was found and reached a kernel with slices (the C tests' stand-in for one), or what status
// and remedy came instead.

import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findRuntime, script, tool } from './tools.mjs';

/** @typedef {import('./checks.mjs').Check} Check */
/** @typedef {import('./checks.mjs').Context} Context */

/**
 * What the program of the project prints.
 * @typedef {object} Printed
 * @property {number} seven
 * @property {boolean} isExclusive
 * @property {boolean} isYielded
 * @property {boolean} hasApi
 * @property {string} host
 * @property {'prebuild' | 'build' | null} origin
 * @property {string} state
 * @property {string} reason
 * @property {string} remedy
 */

/**
 * What the addon is expected to be.
 * @typedef {object} Expected
 * @property {string} state
 * @property {'prebuild' | 'build' | null} [origin] default: not looked at
 * @property {RegExp} [remedy]
 */

const isLinux = process.platform === 'linux';
export const PREBUILT = /** @type {Expected} */ (
  isLinux ? { state: 'loaded', origin: 'prebuild' } : { state: 'not-linux', origin: null }
);
export const BUILT = /** @type {Expected} */ ({ state: 'loaded', origin: 'build' });
const MISSING = /** @type {Expected} */ (
  isLinux
    ? {
        state: 'missing',
        remedy:
          /external.*or copy the folder node_modules\/rseq-slice\/prebuilds next to the bundle/,
      }
    : PREBUILT
);

/**
 * Checks what the program printed, and tells it.
 * @param {Printed} printed
 * @param {Expected} expected
 * @param {readonly string[]} kernel what it was run on
 */
export function checkUse(
  { seven, isExclusive, isYielded, hasApi, host, origin, state, reason, remedy },
  expected,
  kernel,
) {
  deepStrictEqual(
    { seven, isExclusive, isYielded },
    { seven: 7, isExclusive: true, isYielded: true },
  );
  strictEqual(state, expected.state, `the addon is '${state}': ${reason}. ${remedy}`);
  if (expected.origin !== undefined) strictEqual(origin, expected.origin);
  if (expected.remedy !== undefined) match(remedy, expected.remedy);
  strictEqual(hasApi, state === 'loaded');
  if (kernel.length > 0) strictEqual(host, state === 'loaded' ? 'linux' : 'simulated');
  if (state !== 'loaded') return `simulated kernel: ${reason}. ${remedy}`;
  return `addon found${origin === null ? '' : `, ${origin}`}; ${kernel.length > 0 ? 'slices' : 'no kernel to try it with'}`;
}

/**
 * Bundler, format, ending of the output, and the project's program; docs/runtimes.md has them, too.
 */
export const BUNDLES = /** @type {const} */ ([
  ['esbuild', 'esm', 'mjs', 'esm.mjs'],
  ['esbuild', 'cjs', 'cjs', 'esm.mjs'],
  ['esbuild', 'iife', 'cjs', 'esm.mjs'],
  ['webpack', 'module', 'mjs', 'esm.mjs'],
  ['webpack', 'commonjs', 'cjs', 'esm.mjs'],
  ['rollup', 'es', 'mjs', 'esm.mjs'],
  ['rollup', 'cjs', 'cjs', 'esm.mjs'],
  ['vite', 'es', 'mjs', 'esm.mjs'],
  ['vite', 'cjs', 'cjs', 'esm.mjs'],
  ['ncc', 'module', 'mjs', 'esm.mjs'],
  ['ncc', 'commonjs', 'cjs', 'require.cjs'],
]);

/** @param {Context} context @param {string} file @param {Expected} expected */
function runBundle({ project, kernel }, file, expected) {
  // Of Node 20, which says that to require an ES module is new.
  return checkUse(project.read([...kernel, 'node', '--no-warnings', file]), expected, kernel);
}

/** @param {Context} context @param {string} folder */
const copyPrebuilds = ({ project }, folder) => {
  for (const name of ['node_modules', 'hidden']) {
    const from = join(project.consumer, name, 'rseq-slice/prebuilds');
    if (existsSync(from)) cpSync(from, join(folder, 'prebuilds'), { recursive: true });
  }
};

/** @type {readonly Check[]} */
const BUNDLED = BUNDLES.flatMap(([bundler, format, ending, entry]) => {
  /** @param {Context} context @param {'external' | 'bundled'} how */
  const bundle = ({ project }, how) => {
    const output = join(
      project.consumer,
      'bundles',
      `${bundler}-${format}-${how}`,
      `program.${ending}`,
    );
    project.succeed([...script('bundle.mjs'), bundler, format, how, entry, output]);
    return output;
  };
  const name = `${bundler}, ${format}`;
  return [
    {
      name: `${name}, external`,
      run: (/** @type {Context} */ context) =>
        runBundle(context, bundle(context, 'external'), PREBUILT),
    },
    {
      name: `${name}, bundled`,
      run: (/** @type {Context} */ context) => {
        const output = bundle(context, 'bundled');
        return context.project.withoutPackages(() => {
          const alone = runBundle(context, output, MISSING);
          copyPrebuilds(context, dirname(output));
          return `${alone} With prebuilds copied: ${runBundle(context, output, PREBUILT)}`;
        });
      },
    },
  ];
});

/** @type {Check} */
const SINGLE = {
  name: 'single executable (esbuild, cjs)',
  whyNot: () => (isLinux ? null : 'made for Linux here'),
  run: (context) => {
    const { project, kernel } = context;
    const [program, executable] = ['program.cjs', 'program'].map((file) =>
      join(project.consumer, 'bundles/single', file),
    );
    if (program === undefined || executable === undefined) return '';
    project.succeed([...script('bundle.mjs'), 'esbuild', 'cjs', 'bundled', 'esm.mjs', program]);
    project.succeed([...script('single.mjs'), program, executable]);
    rmSync(program);
    return project.withoutPackages(() => {
      const alone = checkUse(project.read([...kernel, executable]), MISSING, kernel);
      copyPrebuilds(context, dirname(executable));
      const told = `${alone} With prebuilds copied: ${checkUse(project.read([...kernel, executable]), PREBUILT, kernel)}`;
      rmSync(executable);
      return told;
    });
  },
};

/** @type {Check} */
const TRACED = {
  name: '@vercel/nft, copied deployment',
  run: ({ project, kernel }) => {
    const folder = join(project.folder, 'deployment');
    const addons = project.read([...script('trace.mjs'), 'esm.mjs', folder]);
    if (isLinux) ok(addons.length > 0, 'no addon is among the files');
    return project.withoutPackages(() =>
      checkUse(project.read([...kernel, 'node', 'esm.mjs'], { cwd: folder }), PREBUILT, kernel),
    );
  },
};

/** Variables for whoever installs or builds addons. */
const INSTALLING = {
  npm_config_arch: 'mips',
  npm_config_platform: 'darwin',
  LIBC: 'musl',
  ARM_VERSION: '6',
  PREBUILDS_ONLY: '1',
  RSEQ_SLICE_PREBUILD: '/nowhere',
};

const MODEL = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const forbidden = (/** @type {RegExp} */ remedy) =>
  /** @type {Expected} */ (isLinux ? { state: 'forbidden', remedy } : PREBUILT);

/**
 * @param {string} name
 * @param {(folder: string) => readonly string[]} options of Node
 * @param {Expected} expected
 * @param {Readonly<Record<string, string>>} [environment]
 * @returns {Check}
 */
function started(name, options, expected, environment = {}) {
  return {
    name,
    run: ({ project, kernel }) => {
      const node = [...kernel, 'node', '--no-warnings', ...options(project.consumer)];
      const told = checkUse(project.read([...node, 'esm.mjs'], { environment }), expected, kernel);
      const { status, stderr, stdout } = project.run(
        [...node, 'node_modules/rseq-slice/dist/cli/main.js', 'doctor', '--json'],
        { environment },
      );
      ok(status === 0 || status === 1, `doctor ended with ${status}: ${stderr}`);
      strictEqual(JSON.parse(stdout).facts.probe.addon.state, expected.state);
      return `${told}; and doctor says so`;
    },
  };
}

const STARTED = [
  started('variables of an installation', () => [], PREBUILT, INSTALLING),
  started('--no-addons', () => ['--no-addons'], forbidden(/without --no-addons/)),
  started('--no-addons in NODE_OPTIONS', () => [], forbidden(/without --no-addons/), {
    NODE_OPTIONS: '--no-addons',
  }),
  started(
    'permission model',
    (folder) => [MODEL, `--allow-fs-read=${folder}/*`],
    forbidden(/with --allow-addons/),
  ),
  started(
    'permission model, --allow-addons',
    (folder) => [MODEL, `--allow-fs-read=${folder}/*`, '--allow-addons'],
    PREBUILT,
  ),
  started(
    'permission model, all files',
    () => [MODEL, '--allow-fs-read=*', '--allow-addons', '--allow-worker'],
    PREBUILT,
  ),
];

/** @type {Check} */
const PLUG_AND_PLAY = {
  name: "Yarn Plug'n'Play",
  run: ({ packed, project, kernel }) => {
    const cwd = join(project.folder, 'plug-and-play');
    mkdirSync(cwd);
    project.write(cwd);
    writeFileSync(
      join(cwd, 'package.json'),
      JSON.stringify({
        name: 'consumer',
        private: true,
        dependencies: { 'rseq-slice': `file:${packed.path}` },
      }),
    );
    const registry = project.succeed(['npm', 'config', 'get', 'registry']).trim();
    const environment = {
      YARN_NODE_LINKER: 'pnp',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    };
    const yarn = tool('yarn', '@yarnpkg/cli-dist');
    project.succeed([...yarn, 'install'], { cwd, environment });
    const use = () =>
      project.read([...kernel, ...yarn, 'node', '--no-warnings', 'esm.mjs'], { cwd, environment });
    const told = checkUse(use(), PREBUILT, kernel);
    if (!isLinux) return told;
    project.succeed([...yarn, 'rseq-slice', 'build'], { cwd, environment, withCompilers: true });
    return `${told}; after rseq-slice build: ${checkUse(use(), BUILT, kernel)}`;
  },
};

/**
 * @param {string} name
 * @param {(folder: string) => readonly string[]} command
 * @returns {Check}
 */
function tested(name, command) {
  return {
    name: `${name}, fake timers`,
    run: ({ project, kernel }) => {
      const TELL = join(project.consumer, 'told.json');
      rmSync(TELL, { force: true });
      project.succeed([...kernel, ...command(project.consumer)], {
        environment: { TELL, NO_COLOR: '1' },
      });
      const { host, state } = JSON.parse(readFileSync(TELL, 'utf8'));
      strictEqual(state, PREBUILT.state);
      if (kernel.length > 0) strictEqual(host, 'linux');
      return `addon ${state}; ${kernel.length > 0 ? 'slices' : 'no kernel to try it with'}; a timeout ends with the clock that is not real`;
    },
  };
}

const TESTED = [
  ...['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) =>
    tested(`vitest, ${pool}`, () => [...tool('vitest'), 'run', '--root', 'vitest', '--pool', pool]),
  ),
  tested('jest, --experimental-vm-modules', () => {
    const [node = '', ...jest] = tool('jest');
    return [
      node,
      '--experimental-vm-modules',
      ...jest,
      '--ci',
      '--rootDir',
      'jest',
      '--config',
      'jest/jest.config.cjs',
    ];
  }),
  tested('node --test', () => ['node', '--test', 'node-test/locks.test.mjs']),
];

/**
 * @param {string} name
 * @param {'deno' | 'bun'} runtime
 * @param {readonly string[]} options
 * @param {Expected} [expected]
 * @returns {Check}
 */
function elsewhere(name, runtime, options, expected = PREBUILT) {
  return {
    name,
    whyNot: () =>
      findRuntime(runtime) === null ? `npm brings no ${runtime} for this platform` : null,
    run: ({ project, kernel }) =>
      checkUse(
        project.read([...kernel, findRuntime(runtime) ?? '', ...options, 'esm.mjs'], {
          environment: { DENO_NO_UPDATE_CHECK: '1' },
        }),
        expected,
        kernel,
      ),
  };
}

const ALLOWED = ['run', '--no-prompt', '--allow-read', '--allow-env', '--allow-sys'];
const ELSEWHERE = [
  elsewhere('Deno', 'deno', [...ALLOWED, '--allow-ffi']),
  elsewhere('Deno, without --allow-ffi', 'deno', ALLOWED, forbidden(/with --allow-ffi/)),
  elsewhere('Bun', 'bun', []),
];

/** Needs a compiler; changes the installed package. @type {(context: Context) => string} */
export function buildWithPreload({ project, kernel }) {
  for (const NODE_OPTIONS of [
    '--require ./loud.cjs',
    `--require ${join(project.consumer, 'loud.cjs')}`,
  ]) {
    rmSync(join(project.consumer, 'node_modules/rseq-slice/build'), {
      recursive: true,
      force: true,
    });
    // Not by npx, which is Node itself.
    project.succeed(['node', 'node_modules/rseq-slice/dist/cli/main.js', 'build'], {
      withCompilers: true,
      environment: { NODE_OPTIONS },
    });
  }
  return checkUse(project.read([...kernel, 'node', 'esm.mjs']), BUILT, kernel);
}

/** @type {readonly Check[]} */
export const USES = [
  ...BUNDLED,
  SINGLE,
  TRACED,
  ...STARTED,
  PLUG_AND_PLAY,
  ...TESTED,
  ...ELSEWHERE,
];
