#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * The command `rseq-slice`: what belongs to the library itself, `doctor` and `build`, and the
 * commands of the packages beside it, which are passed on where those are installed.
 */
import { addBuild } from './build.ts';
import type { ExitCode } from './command.ts';
import { addDoctor } from './doctor.ts';
import { guardStreams } from './output.ts';
import { findCommands, passToVm } from './packages.ts';
import { runCommands } from './run.ts';

const argv = process.argv.slice(2);
// Before the streams are guarded: it has a guest to end when nobody reads what it writes.
process.exitCode = (await passToVm(argv)) ?? (await runOwn());

async function runOwn(): Promise<ExitCode> {
  guardStreams('rseq-slice');
  const commands = [addDoctor, ...(await findCommands(argv)), addBuild];
  return await runCommands('rseq-slice', commands, argv);
}
