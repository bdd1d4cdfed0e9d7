// SPDX-License-Identifier: MIT
/**
 * What entering and leaving a section costs when nobody contends for anything,
 * beside the empty loop and the two native calls that the mapped control word
 * saves. Whoever has more loops gives them along.
 */
import { fileURLToPath } from 'node:url';
import { attach, probe } from 'rseq-slice';
import type { Thread } from 'rseq-slice';
import { loadAddon } from 'rseq-slice/internal';
import { SCHEMA } from '../machine.ts';
import type { Machine } from '../machine.ts';
import { summarize } from '../statistics.ts';
import { startChildLoop } from './child-loop.ts';
import { criticalLoop, emptyLoop, measure, nativeLoop, sectionLoop } from './loops.ts';
import type { Loop, MeasureOptions, Samples } from './loops.ts';
import { compareLoops, QUESTIONS, tellingOf } from './report.ts';
import type { LoopResult, SectionsRecord } from './record.ts';
import type { Question } from './report.ts';

const loneLoop = fileURLToPath(new URL('lone-loop.js', import.meta.url));

/** The fewest of which the interval of a median means something. */
export const FEWEST_ROUNDS = 15;
/** Hours of them. */
export const MOST_ROUNDS = 10_000;
/** ms. */
export const LONGEST_BATCH = 1000;

export interface SectionsOptions extends MeasureOptions {
  /** Loops that are measured too, and notes on them. */
  readonly more?: { readonly loops: readonly Loop[]; readonly notes: readonly string[] };
  readonly questions?: readonly Question[];
}

export interface SectionsResult<About extends Machine> {
  readonly loops: readonly Loop[];
  readonly samples: Samples;
  readonly record: SectionsRecord<About>;
}

/** The loops of this process, and why some are not there. */
function ownLoops(thread: Thread, notes: string[]): Loop[] {
  const loops = [emptyLoop(), sectionLoop(thread), criticalLoop(thread)];
  const addon = loadAddon();
  if (addon.state === 'loaded') loops.push(nativeLoop(addon.binding, thread.host === 'linux'));
  else notes.push(`The native calls were not measured: the addon is ${addon.state}.`);
  if (thread.host === 'simulated') {
    const { available, explanation, remedy } = probe().slices;
    if (!available)
      notes.push('Sections were measured on the simulated kernel.', `${explanation} ${remedy}`);
    if (addon.state === 'loaded')
      notes.push(
        'The native calls have no area to write here, so they are cheaper than on a kernel with slices.',
      );
  }
  return loops;
}

/** @param onStart is told all loops, before the first is measured */
export async function runSections<About extends Machine>(
  about: About,
  {
    rounds,
    batch,
    onRound,
    more = { loops: [], notes: [] },
    questions = QUESTIONS,
  }: SectionsOptions,
  onStart: (loops: readonly Loop[]) => void = () => undefined,
): Promise<SectionsResult<About>> {
  const thread = attach();
  const notes: string[] = [];
  const loops = [...ownLoops(thread, notes), ...more.loops];
  notes.push(...more.notes);
  const lone = await startChildLoop('The loop on this kernel', process.execPath, [loneLoop]);
  const simulated = await startChildLoop('The loop on the simulated kernel', process.execPath, [
    loneLoop,
    'simulated',
  ]);
  loops.push(
    { name: 'lone', what: 'as js without the other loops, in a process of its own', run: lone.run },
    { name: 'simulated', what: 'as lone, on the simulated kernel', run: simulated.run },
  );
  onStart(loops);
  const samples = await measure(loops, {
    rounds,
    batch,
    ...(onRound === undefined ? {} : { onRound }),
  });
  await lone.stop();
  await simulated.stop();
  const results = loops.map(({ name, what }): [string, LoopResult] => {
    const times = samples.get(name) ?? [];
    return [name, { what, ...summarize(times), samples: times }];
  });
  const { host, registration, abiVersion } = thread;
  const record: SectionsRecord<About> = {
    schema: SCHEMA,
    benchmark: 'sections',
    ...about,
    thread: { host, registration, abiVersion },
    stats: thread.stats(),
    ...{ rounds, batch, unit: 'ns' },
    results: Object.fromEntries(results),
    comparisons: compareLoops(samples, tellingOf(questions, host)),
    notes,
  };
  return { loops, samples, record };
}
