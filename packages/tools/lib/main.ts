#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/** The command `rseq-slice-tools`; `rseq-slice` has the same commands where both are installed. */
import { guardStreams, runCommands } from 'rseq-slice/internal';
import { COMMANDS } from './commands.ts';

guardStreams('rseq-slice-tools');
process.exitCode = await runCommands('rseq-slice-tools', COMMANDS, process.argv.slice(2));
