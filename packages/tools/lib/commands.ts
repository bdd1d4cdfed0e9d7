// SPDX-License-Identifier: MIT
/** The commands of this package, for its own program and for `rseq-slice`, which passes them on. */
import type { AddCommand } from 'rseq-slice/internal';
import { addBench } from './commands/bench.ts';
import { addDemo } from './commands/demo.ts';
import { addReport } from './commands/report.ts';
import { addTrace } from './commands/trace.ts';

export const COMMANDS: readonly AddCommand[] = [addDemo, addBench, addReport, addTrace];
