// SPDX-License-Identifier: MIT
/**
 * The answer that a page begins with: one sentence, and a row of large figures
 * with what each is. Only what an interval shows is called a change. The longer
 * account of the same figures is in `reading.ts`.
 */
import { FEWEST_SAMPLES, isTelling } from '../bench/statistics.ts';
import type { CellFigures, LockFigures, RecordFigures } from './figures.ts';
import { listed, ratio as ratioText, short, whole } from './format.ts';
import { aroundMedian, placesOf, ratiosOf, samplesFor, sideOf, sumOfOutcomes } from './reading.ts';
import type { Ratio } from './reading.ts';
import type { ComparisonRecord, SectionRecord } from './records.ts';

export interface LargeFigure {
  readonly value: string;
  /** What it is. */
  readonly label: string;
  /** How far it can be trusted. */
  readonly note: string;
  /** null: it compares nothing. */
  readonly side: Side | null;
}

export interface Headline {
  readonly answer: string;
  readonly figures: readonly LargeFigure[];
}

type Side = 'better' | 'worse' | 'unclear';

/** What is looked at first, and which words there are for its changes. */
const QUESTIONS = [
  {
    figure: 'throughput',
    what: 'throughput',
    better: 'more',
    words: { better: 'higher', worse: 'lower' },
    samples: 0,
  },
  {
    figure: 'p99',
    what: 'the p99 wait',
    better: 'less',
    words: { better: 'shorter', worse: 'longer' },
    samples: samplesFor(99),
  },
  {
    figure: 'p999',
    what: 'the p99.9 wait',
    better: 'less',
    words: { better: 'shorter', worse: 'longer' },
    samples: samplesFor(99.9),
  },
] as const;

interface Found {
  readonly question: (typeof QUESTIONS)[number];
  readonly ratios: readonly Ratio[];
  readonly sides: Readonly<Record<Side, number>>;
}

export function headlineOf(figures: RecordFigures): Headline {
  return figures.benchmark === 'locks' ? headlineOfLocks(figures) : headlineOfSections(figures);
}

function headlineOfLocks({ groups }: LockFigures): Headline {
  const places = placesOf(groups);
  const found = QUESTIONS.map((question) =>
    find(
      question,
      ratiosOf(
        places.filter(({ cell }) => isFounded(cell, question.samples)),
        question.figure,
      ),
    ),
  ).filter(({ ratios }) => ratios.length > 0);
  const cells = places.map(({ cell }) => cell);
  return {
    answer: answerOf(cells, found),
    figures: [...shareSaved(cells), ...found.map(largeRatio)],
  };
}

/**
 * Whether so many waits were timed in a round; where the record does not tell, nothing speaks
 * against it.
 */
function isFounded({ on, off }: CellFigures, samples: number): boolean {
  return [on, off].every((setting) => setting === null || setting.samples >= samples);
}

function find(question: Found['question'], ratios: readonly Ratio[]): Found {
  const sides = { better: 0, worse: 0, unclear: 0 };
  for (const { ratio } of ratios) {
    const side = sideOf(ratio);
    sides[side === 'unclear' ? side : side === question.better ? 'better' : 'worse']++;
  }
  return { question, ratios, sides };
}

function answerOf(cells: readonly CellFigures[], found: readonly Found[]): string {
  if (cells.length === 0) return 'Nothing was measured.';
  if (
    found.length === 0 &&
    cells.some(({ on }) => on !== null) &&
    cells.some(({ off }) => off !== null)
  )
    return 'Runs with slices and without were measured, but never both in one round, so nothing can be compared.';
  if (found.length === 0)
    return cells.some(({ on }) => on !== null)
      ? 'Only runs with slices were measured, so there is nothing to compare them with.'
      : 'Only runs without slices were measured, so nothing can be said about what slices change.';
  const outcomes = sumOfOutcomes(cells);
  if (outcomes !== null && outcomes.yielded + outcomes.raced === 0)
    return 'No extension was granted: whatever differs here has another cause than slices.';
  if (!found.some(({ ratios }) => ratios.some(({ ratio }) => isTelling(ratio)))) {
    const rounds = Math.max(...cells.map(({ pair }) => pair?.rounds ?? 0));
    return `${rounds === 1 ? 'One round is' : `${rounds} rounds are`} too few to tell what slices changed: it takes ${FEWEST_SAMPLES}.`;
  }
  const changed = found.flatMap(changes);
  const unchanged = found
    .filter(({ sides }) => sides.better + sides.worse === 0)
    .map(({ question }) => question.what);
  const same = unchanged.length === 0 ? '' : `no difference is shown in ${listed(unchanged)}`;
  if (changed.length === 0) return `With slices and without, ${same}.`;
  return `With slices, ${[...changed, ...(same === '' ? [] : [same])].join('; ')}.`;
}

/** In a few words; of several configurations, in how many. */
function changes({ question: { what, words }, ratios: { length }, sides }: Found): string[] {
  const said = (['better', 'worse'] as const)
    .filter((side) => sides[side] > 0)
    .map(
      (side) =>
        `${words[side]}${length === 1 ? '' : ` in ${sides[side]} of ${length} configurations`}`,
    );
  return said.length === 0 ? [] : [`${what} was ${said.join(' and ')}`];
}

function largeRatio({ question: { what, words }, ratios, sides }: Found): LargeFigure {
  const sorted = ratios.map(({ ratio }) => ratio).sort((a, b) => a.median - b.median);
  const [least, most] = [sorted[0], sorted.at(-1)];
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  const side =
    sides.better > 0 && sides.worse === 0
      ? 'better'
      : sides.worse > 0 && sides.better === 0
        ? 'worse'
        : 'unclear';
  if (least === undefined || most === undefined || middle === undefined)
    return { value: '–', label: what, note: '', side: null };
  const verdict =
    side === 'unclear'
      ? sides.better > 0
        ? `${words.better} or ${words.worse}, by configuration`
        : 'no difference shown'
      : words[side];
  const range =
    ratios.length === 1
      ? aroundMedian(least, ratioText)
      : `${ratioText(least.median)} to ${ratioText(most.median)} in ${ratios.length} configurations`;
  return {
    value: `${ratioText(middle.median)} ×`,
    label: `${what.replace(/^the /, '')}, with slices to without`,
    note: `${verdict}; ${range}`,
    side,
  };
}

/** What slices are for: those that finish what the kernel would have interrupted. */
function shareSaved(cells: readonly CellFigures[]): LargeFigure[] {
  const outcomes = sumOfOutcomes(cells);
  if (outcomes === null) return [];
  const { sections, yielded, raced, preempted } = outcomes;
  const disturbed = yielded + raced + preempted;
  if (disturbed === 0)
    return [
      {
        value: 'none',
        label: 'of the sections were disturbed',
        note: `of ${whole(sections)}`,
        side: null,
      },
    ];
  return [
    {
      value: `${short((100 * yielded) / disturbed)} %`,
      label: 'of disturbed sections finished in an extension',
      note: `${whole(yielded)} of ${whole(disturbed)}, among ${whole(sections)} sections`,
      side: null,
    },
  ];
}

/** The cost of a section is what all other figures are seen against. */
function headlineOfSections({ comparisons }: SectionRecord): Headline {
  const measured = comparisons.filter(
    (
      comparison,
    ): comparison is ComparisonRecord & { value: NonNullable<ComparisonRecord['value']> } =>
      comparison.value !== null,
  );
  const cost = measured.find(({ unit }) => unit.trim() === 'ns');
  return {
    answer:
      cost === undefined
        ? 'What entering and leaving a section costs was not measured.'
        : `A section costs ${short(cost.value.median)} ns while nothing disturbs it.`,
    figures: measured.map(({ name, meaning, unit, value }) => ({
      value: `${short(value.median)}${unit.trim() === '' ? ' ×' : unit}`,
      label: meaning ?? name,
      note: aroundMedian(value, short),
      side: null,
    })),
  };
}
