// SPDX-License-Identifier: MIT
/** docs/troubleshooting.md answers for everything that the product says. */
import { expect, it } from 'vitest';
import { REASONS } from '../../lib/host/status.ts';
import { readDocument } from '../support/examples.ts';

const document = readDocument('docs/troubleshooting.md');

/** What stands in backquotes in the first column of a chapter's table. */
function rows(heading: string): readonly string[] {
  const [, chapter = ''] = document.split(`\n## ${heading}\n`);
  return [...(chapter.split('\n## ')[0] ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(
    ([, name = '']) => name,
  );
}

it('has a row for each reason of probe()', () => {
  expect(rows('By probe reason').toSorted()).toEqual(REASONS.toSorted());
});

it('has a row for each error code', () => {
  const codes = new Set(readDocument('lib/errors.ts').match(/ERR_RSEQ_\w+/g));
  expect(rows('By error code').toSorted()).toEqual([...codes].toSorted());
});

it('has a row for each line of doctor', () => {
  const names = new Set(
    [
      ...readDocument('lib/cli/doctor/findings.ts').matchAll(
        /(?:passed|warned|failed|unknown)\(\s*'([^']+)',/g,
      ),
    ].map(([, name = '']) => name),
  );
  expect(names.size).toBeGreaterThan(10);
  expect(rows('By line of doctor').toSorted()).toEqual([...names].toSorted());
});
