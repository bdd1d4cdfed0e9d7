// SPDX-License-Identifier: MIT
/** What the examples of docs/operations.md do; and its lists held against what there is. */
import { afterAll, expect, it } from 'vitest';
import { processStats } from '../../lib/index.ts';
import { ExampleFolder, examplesOf, readDocument } from '../support/examples.ts';

const document = readDocument('docs/operations.md');
const [prometheus = '', channels = ''] = examplesOf(document);
const folder = new ExampleFolder();
afterAll(() => {
  folder.remove();
});

/** Asks the example's server once, after some sections, and ends. */
const SCRAPE = `
import { attach } from 'rseq-slice';
const thread = attach({ host: 'simulated' });
for (let i = 0; i < 70_000; i++) thread.critical(() => {});
await new Promise((resolve) => server.once('listening', resolve));
const answer = await fetch('http://localhost:' + server.address().port);
console.log(answer.headers.get('content-type'));
console.log(await answer.text());
server.close();
`;

it('tells Prometheus how the sections of the process ended', () => {
  const { stdout, ...ending } = folder.run(
    prometheus.replace("process.env['PORT'] ?? 9464", '0') + SCRAPE,
  );
  expect(ending).toEqual({ status: 0, signal: null, stderr: '' });
  const [type, ...lines] = stdout.trim().split('\n');
  expect(type).toBe('text/plain; version=0.0.4');
  // The text format: a comment, or a name with labels and a number.
  for (const line of lines) expect(line).toMatch(/^(# TYPE \w+ counter|\w+(\{\w+="\w+"\})? \d+)$/);
  expect(lines).toContain('rseq_slice_threads_total 1');
  expect(lines).toContain('rseq_slice_sections_total{outcome="entered"} 70000');
  expect(lines).toContain('rseq_slice_sections_total{outcome="undisturbed"} 70000');
});

it('hears that a thread was attached', () => {
  expect(folder.run(channels)).toEqual({
    status: 0,
    signal: null,
    stdout: 'no slices: available\n',
    stderr: '',
  });
});

it('lists every counter', () => {
  for (const name of Object.keys(processStats())) expect(document).toContain(`| \`${name}\` |`);
});
