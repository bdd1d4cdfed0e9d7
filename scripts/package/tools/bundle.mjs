// SPDX-License-Identifier: MIT
// Bundles a program with a bundler, the way a project that uses the package would be told to: node
// bundle.mjs BUNDLER FORMAT external|bundled ENTRY OUTPUT. Warnings are failures: nobody should see
// one because of us.

import { spawnSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const OURS = /^rseq-slice(\/|$)/;

/**
 * @typedef {object} Job
 * @property {string} format
 * @property {boolean} isExternal the package is left out
 * @property {string} entry
 * @property {string} output
 */

/** @param {string} text */
function warn(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

/** @type {Readonly<Record<string, (job: Job) => Promise<void>>>} */
const BUNDLERS = {
  async esbuild({ format, isExternal, entry, output }) {
    const { build } = await import('esbuild');
    const external = isExternal ? ['rseq-slice'] : [];
    // By its interface: its program in node_modules is JavaScript or not, as its install script was
    // run or not.
    const { warnings } = await build({
      entryPoints: [entry],
      outfile: output,
      external,
      bundle: true,
      platform: 'node',
      format: /** @type {'esm'} */ (format),
    });
    for (const { text } of warnings) warn(text);
  },

  async webpack({ format, isExternal, entry, output }) {
    const { default: webpack } = await import('webpack');
    const isModule = format === 'module';
    const bundle = webpack({
      mode: 'production',
      target: 'node20',
      entry,
      output: {
        path: dirname(output),
        filename: basename(output),
        ...(isModule ? { module: true, chunkFormat: 'module' } : {}),
      },
      experiments: { outputModule: isModule },
      externals: isExternal ? [OURS] : [],
      externalsType: isModule ? 'module' : 'commonjs',
    });
    const stats = await promisify(bundle.run.bind(bundle))();
    if (stats === undefined || stats.hasErrors() || stats.hasWarnings())
      warn(stats?.toString({ all: false, errors: true, warnings: true }) ?? '');
  },

  async rollup({ format, isExternal, entry, output }) {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const external = [/^node:/, ...(isExternal ? [OURS] : [])];
    const bundle = await rollup({
      input: entry,
      external,
      plugins: [nodeResolve(), commonjs()],
      onwarn: ({ message }) => warn(message),
    });
    await bundle.write({ file: output, format: /** @type {'es'} */ (format) });
  },

  async vite({ format, isExternal, entry, output }) {
    const { build } = await import('vite');
    await build({
      root: dirname(entry),
      configFile: false,
      logLevel: 'warn',
      // Left to itself it leaves packages out.
      ssr: isExternal ? {} : { noExternal: true },
      build: {
        ssr: entry,
        outDir: dirname(output),
        rollupOptions: {
          output: { format: /** @type {'es'} */ (format), entryFileNames: basename(output) },
        },
      },
    });
  },

  async ncc({ isExternal, entry, output }) {
    const program = createRequire(import.meta.url).resolve('@vercel/ncc/dist/ncc/cli.js');
    const external = isExternal
      ? ['rseq-slice', 'rseq-slice/simulated', 'rseq-slice/native'].flatMap((name) => [
          '--external',
          name,
        ])
      : [];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [program, 'build', entry, '--quiet', '--out', dirname(output), ...external],
      { encoding: 'utf8' },
    );
    if (status !== 0) warn(stdout + stderr);
    else renameSync(join(dirname(output), `index${extname(entry)}`), output);
  },
};

const [, , bundler = '', format = '', how, entry = '', output = ''] = process.argv;
const run = BUNDLERS[bundler];
if (run === undefined) warn(`There is no bundler '${bundler}' here.`);
else
  await run({
    format,
    isExternal: how === 'external',
    entry: resolve(entry),
    output: resolve(output),
  });
