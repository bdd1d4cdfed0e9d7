// SPDX-License-Identifier: MIT
// The command `rseq-slice-vm kernel`: builds the guest kernel, or says where the cached one is. The
// work is in ensure-kernel.mjs; this file only reads options and shows results.

import { parseArgs } from 'node:util';
import { ensureKernel } from './ensure-kernel.mjs';
import { refuseUsage } from '../refuse-usage.mjs';
import { DEFAULT_FLAVOUR, describeDifferences, FLAVOURS, flavourNamed } from './flavours.mjs';

const HELP = `Builds a Linux kernel with the rseq time slice extension for the guests of 'rseq-slice-vm'.

  rseq-slice-vm kernel [options]

  --flavour NAME   which flavour of the kernel (default ${DEFAULT_FLAVOUR}):
${[...FLAVOURS.values()].map((flavour) => `                     ${flavour.name}: ${flavour.description}`).join('\n')}
  --source PATH    a kernel tarball or source tree of your own (default: Debian's source package of 7.3)
  --jobs N         how many compilers at once (default: one per CPU)
  --rebuild        build even if the cache has it
  --keep-tree      keep the built tree whatever its size; --no-keep-tree never keeps it. By default that of ${DEFAULT_FLAVOUR}
                   stays when it has less than 2 GB: other flavours are built from a copy of it in a fraction of the time
  --print          print nothing but the path of the image, after making sure that it is there
  --help           this text

The cache is $RSEQ_SLICE_CACHE, else rseq-slice in the user's cache folder. An entry has bzImage, .config, build.log,
kernel.json and the kernel's own slice_test. As root on Debian, missing packages are installed.
Exit codes: 0 done, 1 failed, 2 usage error.
`;

/** @param {readonly string[]} argv */
function readOptions(argv) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      flavour: { type: 'string' },
      source: { type: 'string' },
      jobs: { type: 'string' },
      rebuild: { type: 'boolean' },
      'keep-tree': { type: 'boolean' },
      'no-keep-tree': { type: 'boolean' },
      print: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
  if (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0))
    throw new Error(`--jobs wants a positive number, not '${values.jobs}'.`);
  if (values.flavour !== undefined && !FLAVOURS.has(values.flavour)) {
    throw new Error(
      `No kernel flavour is called '${values.flavour}'. There is: ${[...FLAVOURS.keys()].join(', ')}.`,
    );
  }
  return { ...values, jobs };
}

/**
 * @param {readonly string[]} argv
 * @returns {Promise<number>} the exit code
 */
export async function buildKernel(argv) {
  try {
    return await build(argv);
  } catch (error) {
    process.stderr.write(`kernel: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** @param {readonly string[]} argv @returns {Promise<number>} */
async function build(argv) {
  let options;
  try {
    options = readOptions(argv);
  } catch (error) {
    refuseUsage('kernel', error);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const kernel = await ensureKernel({
    ...(options.flavour === undefined ? {} : { flavour: options.flavour }),
    ...(options.source === undefined ? {} : { source: options.source }),
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    rebuild: options.rebuild === true,
    keepTree:
      options['keep-tree'] === true ? true : options['no-keep-tree'] === true ? false : undefined,
  });
  if (options.print === true) process.stdout.write(`${kernel.image}\n`);
  else {
    process.stdout.write(
      `Linux ${kernel.version} (${kernel.flavour})\n  image       ${kernel.image}\n  slice_test  ${kernel.sliceTest}\n`,
    );
    const differences = describeDifferences(flavourNamed(kernel.flavour)).map(
      (line) => `    ${line}\n`,
    );
    process.stdout.write(
      differences.length === 0
        ? '  the source as it comes\n'
        : `  differs from the source:\n${differences.join('')}`,
    );
  }
  return 0;
}
