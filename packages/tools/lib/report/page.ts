// SPDX-License-Identifier: MIT
/**
 * A report as one HTML page that needs nothing else, and asks for nothing: the answer first, in a
 * sentence and large figures; what figures say in words; then each record with its charts, their
 * numbers as tables, and where they come from. Same records, same bytes.
 */
import { createHash } from 'node:crypto';
import { describeGuest } from 'rseq-slice/internal';
import type { Assets } from './assets.ts';
import { chartsOf, loopsChart } from './charts.ts';
import type { Chart, Plot, Series } from './charts.ts';
import type { GroupFigures, LockFigures, RecordFigures } from './figures.ts';
import { duration, unbroken } from './format.ts';
import { headlineOf } from './headline.ts';
import type { Headline } from './headline.ts';
import { Html, html, scriptJson } from './html.ts';
import { machinesOf } from './machines.ts';
import type { MachinesFigures } from './machines.ts';
import { guestNamed, readingOf } from './reading.ts';
import type { Reading } from './reading.ts';
import type { SectionRecord } from './records.ts';
import { ratioTable, tableHtml } from './tables.ts';

export function pageOf(records: readonly RecordFigures[], assets: Assets): string {
  const readings = records.map(readingOf);
  const charts = new Charts();
  // In the order of the page, since charts are numbered as they come.
  const sections = records.map((figures, index) =>
    recordHtml(figures, index, readings[index]?.title ?? '', charts),
  );
  const machines = machinesHtml(machinesOf(records), charts);
  const script = new Html(`${assets.libraryScript}\n${assets.script}`);
  const style = new Html(`${assets.libraryStyle}\n${assets.style}`);
  const policy = `default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${readings.length === 1 ? (readings[0]?.title ?? '') : `${readings.length} benchmarks`} – rseq-slice</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#records">Skip to the figures</a>
<header><h1>rseq-slice: what was measured</h1></header>
<main>
${records.map((figures, index) => answerHtml(headlineOf(figures), index, readings[index]?.title ?? ''))}<noscript><p>The charts need JavaScript. The tables have the same numbers.</p></noscript>
<section aria-labelledby="words">
<h2 id="words">In words</h2>
${readings.map(readingHtml)}</section>
<p class="quiet">What a chart shows at a point is said below it: point at the chart, or go through it with the arrow keys.</p>
<div id="records">
${sections}${machines}</div>
</main>
<footer>
<details><summary>Licence of the plotting library in this page</summary><pre>${assets.libraryLicence}</pre></details>
</footer>
<script type="application/json" id="plots">${scriptJson({ plots: charts.plots })}</script>
<script>${script}</script>
</body>
</html>
`.text;
}

function hashOf({ text }: Html): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function answerHtml({ answer, figures }: Headline, index: number, title: string): Html {
  return html`<section class="answer" aria-labelledby="answer-${index}">
<p class="quiet"><a href="#record-${index}">${title}</a></p>
<h2 id="answer-${index}">${unbroken(answer)}</h2>
${
  figures.length === 0
    ? html``
    : html`<dl>${figures.map(
        ({ value, label, note, side }) => html`
<div${side === null ? html`` : html` class="${side}"`}><dt>${unbroken(label)}</dt><dd class="value">${unbroken(value)}</dd><dd>${unbroken(note)}</dd></div>`,
      )}
</dl>
`
}</section>
`;
}

function readingHtml({ title, sentences, cautions }: Reading, index: number): Html {
  return html`<h3 id="words-${index}"><a href="#record-${index}">${title}</a></h3>
${sentences.map(
  (sentence) => html`<p>${unbroken(sentence)}</p>
`,
)}${
    cautions.length === 0
      ? html``
      : html`<div class="cautions" role="note" aria-labelledby="cautions-${index}"><h4 id="cautions-${index}">To bear in mind</h4><ul>${cautions.map((caution) => html`<li>${unbroken(caution)}</li>`)}</ul></div>
`
  }`;
}

function recordHtml(figures: RecordFigures, index: number, title: string, charts: Charts): Html {
  return html`<section id="record-${index}" aria-labelledby="title-${index}">
<h2 id="title-${index}">${title}</h2>
<p class="quiet">From the file <code>${figures.file}</code>.</p>
${
  figures.benchmark === 'locks'
    ? locksHtml(figures, charts)
    : html`<h3>Loops</h3>
<div class="charts">${charts.add(loopsChart(figures))}</div>
`
}<h3>Where and how</h3>
${environmentHtml(figures)}
</section>
`;
}

function locksHtml({ groups, failures }: LockFigures, charts: Charts): Html {
  const ratios = ratioTable(groups);
  const drawn = chartsOf(groups);
  return html`${
    ratios.rows.length === 0
      ? html``
      : html`<h3>What slices changed</h3>
${tableHtml(ratios, 'What slices changed')}
`
  }${groups.map((group, index) => groupHtml(group, drawn[index] ?? [], charts))}${
    failures.length === 0
      ? html``
      : html`<h3>Runs that failed</h3>
<ul>${failures.map((failure) => html`<li>${failure}</li>`)}</ul>
`
  }`;
}

function machinesHtml(all: readonly MachinesFigures[], charts: Charts): Html {
  return all.length === 0
    ? html``
    : html`<section id="machines" aria-labelledby="machines-title">
<h2 id="machines-title">Machines compared</h2>
<p>Our locks to the ones that a program would write for itself, by the number of workers, on each machine within its rounds. Charts of one lock and one length of section have the same scale.</p>
${all.map(
  ({ title, charts: drawn, table }) => html`<h3>${title}</h3>
<div class="charts">
${drawn.map((chart) => charts.add(chart, title))}</div>
${tableHtml(table, `${title}: all machines`)}
`,
)}</section>
`;
}

function groupHtml(
  { kind, section, gap }: GroupFigures,
  drawn: readonly Chart[],
  charts: Charts,
): Html {
  const title = `${kind}, sections of ${section} µs${gap === section ? '' : `, gaps of ${gap} µs`}`;
  return html`<h3>${title}</h3>
<div class="charts">
${drawn.map((chart) => charts.add(chart, title))}</div>
`;
}

/** Numbers the charts of a page. */
class Charts {
  readonly plots: Plot[] = [];

  /** @param where what the chart is of, for those who do not see the heading above */
  add({ title, about, plot, table }: Chart, where = ''): Html {
    const index = this.plots.push(plot) - 1;
    const label = where === '' ? title : `${title}, ${where}`;
    return html`<figure aria-labelledby="figure-${index}">
<figcaption><h4 id="figure-${index}">${title}</h4><p>${unbroken(about)}</p></figcaption>
<ul class="legend">${plot.series.map((series) => html`<li>${keyHtml(series, plot.shape)}${series.name}</li>`)}</ul>
<div class="plot" data-plot="${index}" aria-label="${label}: points of the chart"></div>
<p class="readout" id="readout-${index}"></p>
<details><summary>Numbers</summary>
${tableHtml(table, label)}
</details>
</figure>
`;
  }
}

/** What a series looks like, for the legend. */
function keyHtml({ style }: Series, shape: Plot['shape']): Html {
  const inner =
    shape === 'stacks'
      ? html`<rect x="9" y="1" width="16" height="12" stroke="none"/>${HATCHES[style] ?? html``}`
      : html`${shape === 'points' ? html`` : html`<path d="M1 7H33" fill="none" stroke-width="2"${style === 'off' ? html` stroke-dasharray="6 4"` : html``}/>`}${
          style === 'off'
            ? html`<rect x="13" y="3" width="8" height="8" stroke="none"/>`
            : html`<circle cx="17" cy="7" r="4" stroke="none"/>`
        }`;
  return html`<svg class="keys-${style}" viewBox="0 0 34 14" aria-hidden="true">${inner}</svg>`;
}

const HATCHES: Readonly<Record<string, Html>> = {
  raced: html`<path class="hatch" d="M9 9L17 1M13 13L25 1M21 13L25 9" fill="none" stroke-width="2"/>`,
  preempted: html`<g class="dots" stroke="none"><circle cx="13" cy="5" r="1.6"/><circle cx="21" cy="5" r="1.6"/><circle cx="17" cy="10" r="1.6"/></g>`,
};

function environmentHtml(figures: RecordFigures): Html {
  const rows = [
    ...environmentOf(figures),
    ...(figures.benchmark === 'locks' ? aboutLocks(figures) : aboutSections(figures)),
  ];
  return html`<div class="table words"><table>
<caption>Environment</caption>
<tbody>
${rows.map(
  ([
    name,
    value,
  ]) => html`<tr><th scope="row">${name}</th><td>${typeof value === 'string' ? unbroken(value) : value}</td></tr>
`,
)}</tbody>
</table></div>`;
}

type Row = readonly [name: string, value: string | Html];

const counted = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

function environmentOf({ environment }: RecordFigures): Row[] {
  const {
    date,
    kernel,
    guest,
    hypervisor,
    emulated,
    load,
    cpu,
    cpus,
    arch,
    node,
    command,
    commit,
    modified,
    version,
  } = environment;
  return [
    ['date', date],
    [
      'kernel',
      `Linux ${kernel}${guest ? `, in a ${describeGuest({ hypervisor, isEmulated: emulated ?? false })}` : ''}`,
    ],
    ['CPU', `${cpu}, ${counted(cpus, 'CPU')}, ${arch}`],
    ...(load === null
      ? []
      : [['load before', `${load.toFixed(1)} on ${counted(cpus, 'CPU')}`] as const]),
    ['Node.js', node],
    ['command', html`<code>${command}</code>`],
    ...(commit === null
      ? []
      : [['commit', `${commit}${modified === true ? ', modified' : ''}`] as const]),
    ...(version === null ? [] : [['package', version] as const]),
  ];
}

function aboutLocks({
  lane,
  extension,
  workload,
  rounds,
  seconds,
  sample,
  complete,
}: LockFigures): Row[] {
  return [
    ...(lane === null ? [] : [['guest', guestNamed(lane)] as const]),
    ...(extension === null ? [] : [['extension', duration(extension)] as const]),
    ['workload', workload],
    [
      'rounds',
      `${rounds} of ${duration(seconds * 1e9)} each${complete ? '' : ', not all of them made'}`,
    ],
    ['timed waits', sample === 1 ? 'all' : `one in ${sample}`],
  ];
}

function aboutSections({ host, registration, abiVersion, rounds }: SectionRecord): Row[] {
  return [
    ['host', host],
    ['registration', registration],
    ['ABI version', abiVersion],
    ['rounds', String(rounds)],
  ];
}
