// SPDX-License-Identifier: MIT
/**
 * The page as text: that nothing in a record becomes part of it but as text,
 * that it asks for nothing, and that the same records give the same bytes.
 *
 * @portable
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Assets } from '../../../packages/tools/lib/report/assets.ts';
import {
  duration,
  listed,
  ratio,
  short,
  unbroken,
} from '../../../packages/tools/lib/report/format.ts';
import { DISTURBED, figuresOf } from '../../../packages/tools/lib/report/figures.ts';
import { html, scriptJson } from '../../../packages/tools/lib/report/html.ts';
import { pageOf } from '../../../packages/tools/lib/report/page.ts';
import { SETTINGS } from '../../../packages/tools/lib/report/records.ts';
import {
  changed,
  FIXTURES,
  GUEST,
  HOST,
  readFixture,
  readRecord,
  SECTIONS,
} from '../../support/records.ts';
import type { Json } from '../../support/records.ts';

const ASSETS: Assets = {
  libraryScript: '/* library */',
  libraryStyle: '/* library */',
  libraryLicence: 'A licence <of> "terms"',
  script: '/* script */',
  style: '/* style */',
};

const pageOfRecords = (...records: readonly Json[]): string =>
  pageOf(
    records.map((record, index) => figuresOf(readRecord(JSON.stringify(record), `${index}.json`))),
    ASSETS,
  );

/** How it is told that something became a part of the page. */
const EVIL = '</script></style><script>alert(1)</script><img src=x onerror=alert(2)>"\'&amp;\u2028';

/** Sets every text of a record that may be any. */
function poisoned(record: Json, at = ''): Json {
  if (typeof record === 'string')
    return /(^|\.)(slices|benchmark)$/.test(at) ? record : `${record}${EVIL}`;
  if (Array.isArray(record)) return record.map((each) => poisoned(each, at));
  if (typeof record !== 'object' || record === null) return record;
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, poisoned(value, `${at}.${name}`)]),
  );
}

describe('what a record says', () => {
  it.each(FIXTURES)('is text and nothing else: %s', (name) => {
    const record = changed(readFixture(name), 'notes', ['a note']);
    // Which host it was decides what is compared, and a poisoned one is none that is known.
    const failing =
      name === SECTIONS
        ? changed(record, 'thread.host', 'linux')
        : changed(record, 'runs.0.error', 'failed');
    const page = pageOfRecords(poisoned(failing));
    const tags = (text: string) => text.match(/<\/?[a-z][a-z0-9]*/gi) ?? [];
    expect(page).toContain('&lt;/script&gt;');
    expect(tags(page)).toEqual(tags(pageOfRecords(failing)));
    expect(page).not.toMatch(/<img/i);
  });

  it('may be the name of a loop', () => {
    const record = readFixture(SECTIONS);
    const page = pageOfRecords({
      ...record,
      results: {
        ...(record['results'] as { [name: string]: Json }),
        [EVIL]: (record['results'] as { [name: string]: Json })['js'] ?? null,
      },
    });
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toMatch(/<img/i);
  });
});

describe('a page', () => {
  const records = FIXTURES.map(readFixture);
  const page = pageOfRecords(...records);

  it('is the same for the same records', () => {
    expect(pageOfRecords(...FIXTURES.map(readFixture))).toBe(page);
  });

  it('asks for nothing, and runs only its own script', () => {
    const [policy = ''] =
      /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.slice(1) ?? [];
    const hash = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
    const [script = ''] = /<script>([\s\S]*?)<\/script>/.exec(page)?.slice(1) ?? [];
    const [style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page)?.slice(1) ?? [];
    expect(policy.replaceAll('&#39;', "'")).toBe(
      `default-src 'none'; script-src '${hash(script)}'; style-src '${hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(page).not.toMatch(/\s(src|href)="(?!#|data:,")/);
    expect(page).not.toMatch(/\sstyle="|\son[a-z]+="/);
  });

  it('has no identifier twice, and refers to what is there', () => {
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...page.matchAll(/ (?:href="#|aria-labelledby=")([^"]+)"/g)].map(
      ([, id]) => id,
    );
    expect(references.length).toBeGreaterThan(5);
    expect(ids).toEqual(expect.arrayContaining(references));
  });

  it('has headings one below the other', () => {
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    levels.reduce((before, level) => {
      expect(level).toBeLessThanOrEqual(before + 1);
      return level;
    });
  });

  it('has the licence of the library, as text', () => {
    expect(page).toContain('A licence &lt;of&gt; &quot;terms&quot;');
  });

  it('names where each record comes from', () => {
    for (const record of records)
      for (const name of ['date', 'kernel', 'node', 'command', 'commit'])
        expect(page).toContain(record[name] as string);
  });

  it('names load and hypervisor where the record does, and leaves out what it does not', () => {
    const rows = (name: string, value?: Json) =>
      pageOfRecords(
        value === undefined
          ? readFixture(GUEST)
          : changed(changed(readFixture(GUEST), 'emulated', false), name, value),
      );
    expect(rows('load')).not.toMatch(/load before|not known/);
    expect(rows('load', 3.14)).toContain('<th scope="row">load before</th><td>3.1 on 2 CPUs</td>');
    expect(rows('hypervisor', 'KVM')).toContain(', in a guest (KVM)</td>');
  });

  it('says once how to read charts, and what a gap in a table is', () => {
    expect(page.match(/point at the chart/gi)).toHaveLength(1);
    for (const [, caption = '', body = ''] of page.matchAll(
      /<caption><span>(.*?)<\/span><\/caption>([\s\S]*?)<\/table>/g,
    ))
      expect(caption.includes('–: not measured'), caption).toBe(body.includes('<td>–</td>'));
  });

  it('lists runs that failed, and draws none of them', () => {
    const text = pageOfRecords(changed(readFixture(HOST), 'runs.0.error', 'worker 3 hung'));
    expect(text).toMatch(/Runs that failed[\s\S]*slices off, round 1: worker 3 hung/);
    expect(page).not.toContain('Runs that failed');
  });

  it('is made of a record that measured nothing', () => {
    const empty = ['cells', 'pairs', 'runs'].reduce(
      (record, name) => changed(record, name, []),
      readFixture(GUEST),
    );
    expect(pageOfRecords(empty)).toContain('No lock was measured.');
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.00012345, '0.00012'],
    [0.0049, '0.0049'],
    [0.1, '0.10'],
    [1, '1.00'],
    [12.34, '12.3'],
    [123.4, '123'],
    [1234.5, '1,235'],
    [1234567, '1,234,567'],
    [3e-9, '3.0e-9'],
  ])('%d is %s', (value, text) => {
    expect(short(value)).toBe(text);
  });

  it.each([
    [0, '0 ns'],
    [0.31, '0.31 ns'],
    [412, '412 ns'],
    [24_703, '24.7 µs'],
    [3_846_143, '3.85 ms'],
    [2e9, '2 s'],
    [50_000, '50 µs'],
  ])('%d ns is %s', (time, text) => {
    expect(duration(time)).toBe(text);
  });

  it.each([
    [1, '1.00'],
    [1.0004, '1.0004'],
    [1.0021, '1.002'],
    [0.9983, '0.998'],
    [0.99999, '0.99999'],
    [1 + Number.EPSILON, '1.0000000000000002'],
    [1.5, '1.50'],
    [0.0041, '0.0041'],
  ])('a ratio of %d is %s', (value, text) => {
    expect(ratio(value)).toBe(text);
  });

  it('stay with their units, and what is none is left alone', () => {
    expect(unbroken('2 s, 96.1 % of 5 µs; 3 sections, 4 msgs')).toBe(
      '2\u00a0s, 96.1\u00a0% of 5\u00a0µs; 3 sections, 4 msgs',
    );
  });

  it('are listed', () => {
    expect([[], [1], [1, 2], ['a', 'b', 'c']].map((words) => listed(words))).toEqual([
      '',
      '1',
      '1 and 2',
      'a, b and c',
    ]);
  });
});

it('escapes what templates are given', () => {
  expect(
    html`<p title="${'"'}">${'<&>'}${html`<b>${"'"}</b>`}${[html`<i></i>`]}${5}</p>`.text,
  ).toBe('<p title="&quot;">&lt;&amp;&gt;<b>&#39;</b><i></i>5</p>');
  expect(scriptJson('</script>\u2028').text).toBe('"\\u003c/script\\u003e\\u2028"');
});

it.each([...SETTINGS, ...DISTURBED, 'plain'])('the style sheet has colours for %s', (style) => {
  const path = '../../../packages/tools/lib/report/assets/page.css';
  const css = readFileSync(new URL(path, import.meta.url), 'utf8');
  // Light and dark.
  expect(css.match(new RegExp(`^ +--${style}: #[0-9a-f]{6};$`, 'gm'))).toHaveLength(2);
  expect(css).toMatch(new RegExp(`^\\.keys-${style} \\{$`, 'm'));
});
