// Bundles a program with webpack, the way a project that uses the package would be told to: node webpack.mjs ENTRY OUTPUT,
// with `external` behind them to leave the package out of the bundle.

import { basename, dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import webpack from 'webpack';

const [, , entry = '', output = '', external] = process.argv;
const bundle = webpack({
  mode: 'production',
  target: 'node20',
  entry: resolve(entry),
  output: { path: dirname(resolve(output)), filename: basename(output), module: true, chunkFormat: 'module' },
  experiments: { outputModule: true },
  externals: external === 'external' ? [/^rseq-slice(\/|$)/] : [],
  externalsType: 'module',
});
const stats = await promisify(bundle.run.bind(bundle))();
if (stats === undefined || stats.hasErrors() || stats.hasWarnings()) {
  process.stderr.write(`${stats?.toString({ all: false, errors: true, warnings: true })}\n`);
  process.exitCode = 1;
}
