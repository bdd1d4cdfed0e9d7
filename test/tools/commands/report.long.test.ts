// SPDX-License-Identifier: MIT
/**
 * The page of `report` in a browser: that it draws, asks for nothing, complains
 * of nothing, fits a phone, can be used without a pointer, and that every number
 * in its tables is the record's.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FIXTURES,
  fixturePath,
  GUEST,
  HOST,
  readFixture,
  SECTIONS,
} from '../../support/records.ts';

const CHROMIUM = '/usr/bin/chromium';
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const hasChromium = existsSync(CHROMIUM);
if (!hasChromium)
  process.stderr.write(
    `The page of 'report' is not tested in a browser: there is no ${CHROMIUM}; apt-get install chromium.\n`,
  );

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

interface Spread {
  readonly median: number;
  readonly interval: readonly [number, number];
  readonly least: number;
}
interface Cell {
  readonly kind: string;
  readonly workers: number;
  readonly section: number;
  readonly gap: number;
  readonly slices: 'on' | 'off';
  readonly figures: Readonly<Record<string, Spread | null>>;
  readonly ratios: Readonly<Record<string, Spread | null>>;
  readonly rounds: number;
}

/**
 * Runs in the page: the tables by their labels, each row as its header and the numbers behind what
 * is shown.
 */
const TABLES = `Object.fromEntries([...document.querySelectorAll('main .table[aria-label]')].map((table) => [
  table.getAttribute('aria-label'),
  [...table.querySelectorAll('tbody tr')].map((row) => [
    row.querySelector('th').textContent,
    ...[...row.querySelectorAll('td')].map((cell) => [...cell.querySelectorAll('data')].map((data) => Number(data.value))),
  ]),
]))`;

/**
 * The pixels of a canvas, from a copy: reading the page's own would make it slower, and the browser
 * would say so.
 */
const PIXELS = `const pixelsOf = (canvas) => {
  const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data;
}`;

/** How many pixels of each canvas are not empty. */
const DRAWN = `${PIXELS}; [...document.querySelectorAll('.plot canvas')].map((canvas) => {
  const data = pixelsOf(canvas);
  let drawn = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) drawn++;
  return drawn;
})`;

/** How many pixels of a canvas have the colour of a variable of the page. */
const coloured = (plot: number, name: string) => `(() => { ${PIXELS};
  const sample = document.createElement('canvas').getContext('2d');
  sample.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim();
  sample.fillRect(0, 0, 1, 1);
  const [r, g, b] = sample.getImageData(0, 0, 1, 1).data;
  const data = pixelsOf(document.querySelectorAll('.plot canvas')[${plot}]);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] === r && data[at + 1] === g && data[at + 2] === b && data[at + 3] === 255) found++;
  return found;
})()`;

const numbers = (spread: Spread | null | undefined): readonly number[] =>
  spread === null || spread === undefined ? [] : [spread.median, ...spread.interval];

describe.skipIf(!hasChromium)('the page in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rseq-slice-page-'));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function makePage(names: readonly string[]): string {
    const file = join(folder, `${names.join('+')}.html`);
    const { status, signal, stderr } = spawnSync(
      process.execPath,
      [program, 'report', ...names.map(fixturePath), '--out', file],
      { encoding: 'utf8' },
    );
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    return pathToFileURL(file).href;
  }

  it('has no two labels of an axis in one another on a phone', async () => {
    const context = await browser.newContext({ viewport: { width: 380, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(`globalThis.written = new Map();
      const { fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const { e, f, b } = this.getTransform();
        if (b === 0 && text !== '') written.set([this.canvas.parentElement?.parentElement?.parentElement?.dataset.plot, text, x + e, y + f].join(), { text, x: x + e, y: y + f, width: this.measureText(text).width, align: this.textAlign, canvas: this.canvas });
        return fillText.apply(this, arguments);
      };`);
    await page.goto(makePage([HOST]));
    const overlaps = await page.evaluate(`(() => {
      const all = [...written.values()].filter(({ align, canvas }) => align === 'center' && canvas.isConnected);
      return all.flatMap((one) => all.filter((other) => other.canvas === one.canvas && other !== one && other.y === one.y && other.x > one.x && one.x + one.width / 2 > other.x - other.width / 2).map((other) => one.text + ' and ' + other.text));
    })()`);
    expect(overlaps).toEqual([]);
    expect(await page.evaluate('written.size')).toBeGreaterThan(20);
    await context.close();
  });

  /** Opens a page, and fails where anything is complained of or asked for. */
  async function open(
    names: readonly string[],
    options: BrowserContextOptions,
    use: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const url = makePage(names);
    const seen: string[] = [];
    page.on('console', (message) => seen.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => seen.push(String(error)));
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:'))
        seen.push(`asks for ${request.url()}`);
    });
    await page.goto(url);
    await use(page);
    await context.close();
    expect(seen).toEqual([]);
  }

  const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
    ['light', { colorScheme: 'light', viewport: { width: 1280, height: 900 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 900 } }],
    [
      'on a phone',
      { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
    ],
  ];

  it.each(LOOKS)('draws every chart, %s, and is no wider than the window', async (_, look) => {
    await open(FIXTURES, look, async (page) => {
      const drawn = await page.evaluate<number[]>(DRAWN);
      expect(drawn).toHaveLength(
        await page.evaluate<number>(`document.querySelectorAll('figure').length`),
      );
      expect(drawn.length).toBeGreaterThan(6);
      for (const pixels of drawn) expect(pixels).toBeGreaterThan(1000);
      await page.evaluate(
        `for (const details of document.querySelectorAll('details')) details.open = true`,
      );
      expect(
        await page.evaluate<number>('document.documentElement.scrollWidth'),
      ).toBeLessThanOrEqual(look.viewport?.width ?? 0);
    });
  });

  it('draws both settings, in the colours of the scheme, also when it changes', async () => {
    await open([GUEST], { colorScheme: 'light' }, async (page) => {
      const look = async () => {
        const names = ['on', 'off', 'paper'];
        const values = await page.evaluate<string[]>(
          `${JSON.stringify(names)}.map((name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name))`,
        );
        for (const name of ['on', 'off'])
          await expect.poll(() => page.evaluate<number>(coloured(0, name))).toBeGreaterThan(20);
        return values;
      };
      const light = await look();
      await page.emulateMedia({ colorScheme: 'dark' });
      const dark = await look();
      for (const [index, value] of light.entries()) expect(dark[index]).not.toBe(value);
    });
  });

  it.each([GUEST, HOST])('has the numbers of the record in its tables: %s', async (name) => {
    const record = readFixture(name) as unknown as {
      cells: readonly Cell[];
      pairs: readonly Cell[];
      runs: readonly { slices: string; measured: { slices: Record<string, number> | null } }[];
    };
    const { cells, pairs } = record;
    let tables: Readonly<Record<string, readonly (readonly [string, ...number[][]])[]>> = {};
    await open([name], {}, async (page) => {
      tables = await page.evaluate(TABLES);
    });
    const at = ({ kind, section, gap }: Cell) =>
      `${kind}, sections of ${section} µs${gap === section ? '' : `, gaps of ${gap} µs`}`;
    const expected: Record<string, unknown[][]> = {};
    const settings = (['off', 'on'] as const).filter((setting) =>
      cells.some(({ slices }) => slices === setting),
    );
    if (pairs.length > 0) {
      expected['What slices changed'] = pairs.map((pair) => [
        `${pair.kind}, ${pair.workers}, ${pair.section} µs`,
        [pair.rounds],
        ...['throughput', 'p50', 'p99', 'p999', 'max', 'parks'].map((figure) =>
          numbers(pair.ratios[figure]),
        ),
      ]);
    }
    const places = cells.filter(({ slices }) => slices === settings[0]);
    for (const place of places) {
      const same = (other: Cell) => other.workers === place.workers && at(other) === at(place);
      const pair = pairs.find(same);
      const of = (figure: string) => [
        ...settings.map((setting) =>
          numbers(cells.find((cell) => same(cell) && cell.slices === setting)?.figures[figure]),
        ),
        numbers(pair?.ratios[figure]),
      ];
      (expected[`Throughput, ${at(place)}`] ??= []).push([
        String(place.workers),
        ...of('throughput'),
      ]);
      expected[
        `Waits with ${place.workers} ${place.workers === 1 ? 'worker' : 'workers'}, ${at(place)}`
      ] = [
        ['p50', ...of('p50')],
        ['p99', ...of('p99')],
        ['p99.9', ...of('p999')],
        ['max', ...of('max')],
      ];
    }
    if (settings.includes('on')) {
      const [place] = places;
      const sum = (outcome: string) =>
        record.runs
          .filter(({ slices }) => slices === 'on')
          .reduce((total, { measured }) => total + (measured.slices?.[outcome] ?? 0), 0);
      // As the fixture calls what is preempted now.
      const [undisturbed, ...disturbed] = ['undisturbed', 'yielded', 'raced', 'revoked'].map(sum);
      const all = disturbed.reduce((total, count) => total + count, undisturbed ?? 0);
      // The fixture has one cell with slices.
      expected[`How sections ended with slices, ${place === undefined ? '' : at(place)}`] = [
        [
          String(place?.workers),
          [all],
          [undisturbed],
          ...disturbed.map((count) => [count]),
          ...disturbed.map((count) => [(count / all) * 100_000]),
        ],
      ];
    }
    expect(tables).toEqual(expected);
  });

  it('has the numbers of a record of sections in its table', async () => {
    const { results } = readFixture(SECTIONS) as unknown as {
      results: Readonly<Record<string, Spread>>;
    };
    await open([SECTIONS], {}, async (page) => {
      expect(await page.evaluate(TABLES)).toEqual({
        'What one operation takes': Object.entries(results).map(([name, spread]) => [
          name,
          numbers(spread),
          [spread.least],
          [],
        ]),
      });
    });
  });

  it('shows in its tables what it has behind the numbers', async () => {
    await open([GUEST], {}, async (page) => {
      const shown = await page.evaluate<[string, string][]>(
        `[...document.querySelectorAll('data')].map((data) => [data.value, data.textContent])`,
      );
      expect(shown.length).toBeGreaterThan(40);
      const UNITS: Readonly<Record<string, number>> = { '': 1, ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };
      for (const [value, text] of shown) {
        const [number = '', unit = ''] = text.split(' ');
        expect(
          Math.abs(Number(number.replaceAll(',', '')) * (UNITS[unit] ?? NaN) - Number(value)),
        ).toBeLessThanOrEqual(Number(value) * 0.01 + 0.005);
      }
    });
  });

  it('can be used with the keyboard alone, and says what the keys chose', async () => {
    await open([GUEST], {}, async (page) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate<string>('document.activeElement.textContent')).toBe(
        'Skip to the figures',
      );
      const plot = page.locator('.plot').nth(1);
      expect(await plot.getAttribute('role')).toBe('slider');
      await plot.focus();
      const said: (string | null)[] = [];
      for (const key of ['ArrowRight', 'ArrowRight', 'End', 'ArrowRight', 'Home']) {
        await page.keyboard.press(key);
        said.push(await page.locator('#readout-1').textContent());
        expect(await plot.getAttribute('aria-valuetext')).toBe(said.at(-1));
      }
      expect(said.map((text) => text?.slice(0, 5))).toEqual([
        'p50, ',
        'p99, ',
        'the l',
        'the l',
        'p50, ',
      ]);
      const [cell] = (readFixture(GUEST) as unknown as { cells: readonly Cell[] }).cells;
      expect(said[0]).toContain(
        `${cell?.slices ?? ''} ${((cell?.figures['p50']?.median ?? NaN) / 1000).toFixed(2)} µs`,
      );
      await page.keyboard.press('Escape');
      expect(await page.locator('#readout-1').textContent()).toBe('');
    });
  });

  it('says what the pointer is at', async () => {
    await open([GUEST], {}, async (page) => {
      await page.locator('.plot').nth(0).hover();
      expect(await page.locator('#readout-0').textContent()).toMatch(
        /^2 workers: off [\d,]+ .*, on [\d,]+/,
      );
    });
  });

  it('has its tables also where scripts are off', async () => {
    await open([GUEST], { javaScriptEnabled: false }, async (page) => {
      expect(await page.locator('noscript').textContent()).toContain(
        'The tables have the same numbers',
      );
      expect(await page.locator('table').count()).toBeGreaterThan(4);
    });
  });
});
