// SPDX-License-Identifier: MIT
/**
 * A run of a model for people: a column for each thread, one line a move, and
 * the line that makes the same run again.
 */
import type { Moment, Run } from './explorer.ts';

const DISTURBED = '! ';
const CALM = '  ';
const GAP = 3;

/**
 * The run as a table. Same run, same text.
 *
 *     thread 0                   thread 1
 *       ask
 *     ! preempt -> granted
 *
 * What the kernel did follows the arrow; the control word stands behind it when
 * the move changed it. Moves of the kernel begin with `!`.
 */
export function formatRun(run: Run): string {
  const names = run.model.threads.map(({ name }, index) => name ?? `thread ${index}`);
  const words = names.map(() => 0);
  const cells = run.moments.map((moment) => {
    const cell = formatMoment(moment, words[moment.thread] ?? 0);
    words[moment.thread] = moment.word;
    return { thread: moment.thread, cell };
  });
  const widths = names.map((name, index) =>
    Math.max(
      name.length,
      ...cells.filter(({ thread }) => thread === index).map(({ cell }) => cell.length),
    ),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padEnd((widths[index] ?? 0) + GAP))
      .join('')
      .trimEnd();
  const rows = cells.map(({ thread, cell }) =>
    line(names.map((_, index) => (index === thread ? cell : ''))),
  );
  const ending = run.violation === null ? [] : ['', run.violation];
  return [
    run.model.name,
    '',
    line(names),
    ...rows,
    ...ending,
    `replay: ${run.choices === '' ? '(no choices)' : run.choices}`,
  ].join('\n');
}

function formatMoment({ event, label, effects, word, granted }: Moment, before: number): string {
  const what = event === 'step' ? `${CALM}${label}` : `${DISTURBED}${event}`;
  const did = effects.length > 0 ? ` -> ${effects.join(', ')}` : '';
  const control =
    word === before ? '' : `  [word ${formatWord(word)}${granted ? ', granted' : ''}]`;
  return `${what}${did}${control}`;
}

/** The word's bytes in memory order, the unused two left out when they are zero. */
function formatWord(word: number): string {
  const bytes = [...new Uint8Array(Int32Array.of(word).buffer)];
  return bytes.slice(0, bytes.some((byte, index) => index > 1 && byte !== 0) ? 4 : 2).join(' ');
}
