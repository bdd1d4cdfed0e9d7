// Bundles a program of the project with esbuild: `node esbuild.mjs ENTRY OUTPUT [EXTERNAL…]`. By its interface: what
// stands for its program in node_modules is JavaScript or the program itself, as its install script was run or not.

import { build } from 'esbuild';

const [entry = '', outfile = '', ...external] = process.argv.slice(2);
await build({ entryPoints: [entry], outfile, external, bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' });
