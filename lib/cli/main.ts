#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * The command `rseq-slice`: what belongs to the library itself, `doctor` and `build`, and the
 * commands of the packages beside it, which are passed on where those are installed.
 */
import { addBuild } from './build.ts';
import { addDoctor } from './doctor.ts';
import { guardStreams } from './output.ts';
import { findCommands, passToVm } from './packages.ts';
import { runCommands } from './run.ts';

guardStreams('rseq-slice');
const argv = process.argv.slice(2);
process.exitCode =
  (await passToVm(argv)) ??
  (await runCommands('rseq-slice', [addDoctor, ...(await findCommands(argv)), addBuild], argv));
