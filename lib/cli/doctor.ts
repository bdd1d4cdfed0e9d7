/**
 * `rseq-slice doctor`: what this host can do, checked for real and told in plain
 * words, with what to do about it.
 */
import { ExitCode, hasColour, painter, readWord } from './command.ts';
import type { AddCommand, Paint } from './command.ts';
import { gatherFacts } from './doctor/facts.ts';
import { conclude, examine } from './doctor/findings.ts';
import type { Finding, Verdict } from './doctor/findings.ts';

const REGISTRATIONS = ['auto', 'libc', 'own', 'replace'] as const;
const MARKS = { passed: 'ok  ', warned: 'warn', failed: 'FAIL' } as const;
const COLOURS = { passed: 'green', warned: 'yellow', failed: 'red' } as const;
const NAME_WIDTH = 15;

const DESCRIPTION = 'Check what this host can do, and say what to do about it';
const EXIT_CODES = 'Exit codes: 0 slices work here; 1 they do not; 2 wrong usage.';

export const addDoctor: AddCommand = (cli) => {
  cli
    .command('doctor', `${DESCRIPTION}. ${EXIT_CODES}`)
    .usage('doctor [options]')
    .option('--registration <which>', `Whose rseq area may be used: ${REGISTRATIONS.join(', ')}`, { default: 'auto' })
    .option('--json', 'One object on stdout: the findings, the verdict and the facts')
    .example('  rseq-slice doctor')
    .example('  RSEQ_SLICE=auto rseq-slice doctor --json')
    .action(runDoctor);
};

async function runDoctor(options: { readonly registration: unknown; readonly json?: boolean }): Promise<ExitCode> {
  const facts = await gatherFacts(readWord('registration', options.registration, REGISTRATIONS));
  const findings = examine(facts);
  const verdict = conclude(facts);
  const text = options.json === true ? `${JSON.stringify({ verdict, findings, facts }, null, 2)}\n` : format(findings, verdict, painter(hasColour(process.stdout)));
  process.stdout.write(text);
  return verdict.works ? ExitCode.Done : ExitCode.Failed;
}

/** A line a finding, what to do below it, and the verdict last. */
export function format(findings: readonly Finding[], { works, text }: Verdict, paint: Paint): string {
  const lines = findings.flatMap((finding) => {
    const { name, status, remedy } = finding;
    const indent = ' '.repeat(MARKS[status].length + 2 + NAME_WIDTH);
    const line = `${paint(COLOURS[status], MARKS[status])}  ${name.padEnd(NAME_WIDTH)}${finding.text}`;
    return remedy === '' ? [line] : [line, `${indent}${paint('bold', '→')} ${remedy}`];
  });
  return `${lines.join('\n')}\n\n${paint(works ? 'green' : 'yellow', text)}\n`;
}
