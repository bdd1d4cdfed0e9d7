// SPDX-License-Identifier: MIT
/**
 * `rseq-slice doctor`: what this host can do, checked for real and told in plain
 * words, with what to do about it.
 */
import { ExitCode, hasColour, painter, readFlag, readWord } from './command.ts';
import type { AddCommand, Paint } from './command.ts';
import { gatherFacts } from './doctor/facts.ts';
import { conclude, examine } from './doctor/findings.ts';
import type { Finding, Verdict } from './doctor/findings.ts';
import { widthOf, wrap } from './output.ts';

const REGISTRATIONS = ['auto', 'libc', 'own', 'replace'] as const;
const MARKS = { passed: 'ok', warned: 'warn', failed: 'FAIL', follows: '-', unknown: '?' } as const;
const COLOURS = {
  passed: 'green',
  warned: 'yellow',
  failed: 'red',
  follows: 'dim',
  unknown: 'dim',
} as const;
const MARK_WIDTH = 6;
const NAME_WIDTH = 15;
const MEANINGS = {
  failed: 'FAIL: this is why',
  follows: '-: follows from the FAIL',
  warned: 'warn: worth a look',
  unknown: '?: not known here',
} as const;
const FALLBACK =
  'Until then the simulated kernel serves: everything works, and nothing is granted.';

const DESCRIPTION = 'Check what this host can do, and say what to do about it';
const EXIT_CODES = 'Exit codes: 0 slices work here; 1 they do not; 2 usage error.';

export const addDoctor: AddCommand = (cli) => {
  cli
    .command('doctor', `${DESCRIPTION}. ${EXIT_CODES}`)
    .usage('doctor [options]')
    .option('--registration <which>', `Whose rseq area may be used: ${REGISTRATIONS.join(', ')}`, {
      default: 'auto',
    })
    .option(
      '--json',
      'One object on stdout: the verdict with what to do first, the findings and the facts',
    )
    .example('  rseq-slice doctor')
    .example('  RSEQ_SLICE=auto rseq-slice doctor --json')
    .action(runDoctor);
};

async function runDoctor(options: {
  readonly registration: unknown;
  readonly json?: unknown;
}): Promise<ExitCode> {
  const json = readFlag('json', options.json);
  const facts = await gatherFacts(readWord('registration', options.registration, REGISTRATIONS));
  const findings = examine(facts);
  const verdict = conclude(facts, findings);
  const { stdout } = process;
  const text = json
    ? `${JSON.stringify({ verdict, findings, facts }, null, 2)}\n`
    : format(findings, verdict, { paint: painter(hasColour(stdout)), width: widthOf(stdout) });
  stdout.write(text);
  return verdict.works ? ExitCode.Done : ExitCode.Failed;
}

/** The verdict, the one thing to do first, and then a line a finding with what else can be done. */
export function format(
  findings: readonly Finding[],
  { works, text, first, fallsBack }: Verdict,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): string {
  const indent = MARK_WIDTH + NAME_WIDTH;
  const top = [
    paint(works ? 'green' : 'yellow', wrap(text, width)),
    ...(first === ''
      ? []
      : [paint('bold', wrap(`${works ? 'Better' : 'First'}: ${first}`, width, 2))]),
    ...(!fallsBack ? [] : [wrap(FALLBACK, width)]),
  ];
  const lines = findings.map(({ name, status, text, remedy }) => {
    const mark = paint(COLOURS[status], MARKS[status].padEnd(MARK_WIDTH));
    const line = wrap(`${mark}${name.padEnd(NAME_WIDTH)}${text}`, width, indent);
    // What is to be done first was said.
    return remedy === '' || remedy === first
      ? line
      : `${line}\n${wrap(`${' '.repeat(indent)}→ ${remedy}`, width, 2)}`;
  });
  const shown = (['failed', 'follows', 'warned', 'unknown'] as const).filter((status) =>
    findings.some((finding) => finding.status === status),
  );
  const legend =
    shown.length === 0
      ? []
      : ['', paint('dim', wrap(`${shown.map((status) => MEANINGS[status]).join('; ')}.`, width))];
  return `${[...top, '', ...lines, ...legend].join('\n')}\n`;
}
