// SPDX-License-Identifier: MIT
/**
 * What the public headers of C say, asked of the C compiler: every macro and
 * every enumerator with its value, and where the members of the kernel's struct
 * lie. Nothing is listed here, so nothing that is added there can be missed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is found in a folder of headers. */
export interface Headers {
  /** The macros that are numbers, by their names. */
  readonly numbers: ReadonlyMap<string, bigint>;
  /** The other macros, those without a value or with arguments apart. */
  readonly others: readonly string[];
  /** The values of each enum, by the enum's name. */
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
  /** Bytes that each member of `struct rseq_slice_area` lies behind its start. */
  readonly offsets: ReadonlyMap<string, bigint>;
}

/** The headers that need nothing of Node's, and include all that there is. */
const INCLUDE = '#include <errno.h>\n#include <rseq_slice/slice.h>\n';

/** @throws with what the compiler said. */
function compile(include: string, args: readonly string[], source: string): string {
  const all = ['-std=c11', '-I', include, ...args, '-x', 'c', '-'];
  const { error, status, stdout, stderr } = spawnSync('cc', all, {
    encoding: 'utf8',
    input: source,
    maxBuffer: 1 << 24,
  });
  if (status !== 0) throw new Error(error?.message ?? stderr);
  return stdout;
}

/** The lines of the compiler's output that come from a file of ours. */
function ownLines(include: string, preprocessed: string): string {
  let isOwn = false;
  const own: string[] = [];
  for (const line of preprocessed.split('\n')) {
    const file = /^# \d+ "(.*?)"/.exec(line)?.[1];
    if (file !== undefined) isOwn = file.startsWith(include);
    else if (isOwn) own.push(line);
  }
  return own.join('\n');
}

/**
 * Those that C has for numbers; the others are keywords, attributes, types. The compiler looks at
 * all of them at once, each in a line of its own, and at those that it complains of once more, each
 * alone: what comes before one may be to blame.
 */
function numbersAmong(include: string, macros: readonly string[]): string[] {
  const complaints = (names: readonly string[]): string => {
    const lines = names.map((name, index) => `long long value_${index} = (long long)(${name});`);
    try {
      const source = `${INCLUDE}#line 1 "macros"\n${lines.join('\n')}\n`;
      compile(include, ['-fsyntax-only', '-w'], source);
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const suspects = new Set(
    [...complaints(macros).matchAll(/^macros:(\d+):/gm)].map(([, line]) => Number(line) - 1),
  );
  return macros.filter((name, index) => !suspects.has(index) || complaints([name]) === '');
}

/** The values of expressions, which a program prints. */
export function evaluate(
  include: string,
  expressions: readonly string[],
): ReadonlyMap<string, bigint> {
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-values-'));
  try {
    const program = join(folder, 'values');
    const prints = expressions.map(
      (expression) =>
        `if ((${expression}) < 0) printf("-%llu\\n", -(unsigned long long)(${expression}));
         else printf("%llu\\n", (unsigned long long)(${expression}));`,
    );
    const source = `#include <stdio.h>\n${INCLUDE}int main(void)\n{\n${prints.join('\n')}\nreturn 0;\n}\n`;
    compile(include, ['-w', '-o', program], source);
    const values = spawnSync(program, { encoding: 'utf8' }).stdout.trimEnd().split('\n');
    return new Map(
      expressions.map((expression, index) => [expression, BigInt(values[index] ?? '')]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of the members of a struct, without those of what is nested in it. */
function membersOf(text: string, name: string): string[] {
  let body = text.slice(text.indexOf(`struct ${name} {`) + `struct ${name} {`.length);
  while (body.slice(0, body.indexOf('}')).includes('{')) body = body.replace(/\{[^{}]*\}/, '');
  return body
    .slice(0, body.indexOf('}'))
    .split(';')
    .flatMap((member) => /(\w+)\s*$/.exec(member)?.[1] ?? []);
}

/** @param include the folder, absolute */
export function readHeaders(include: string): Headers {
  const macros = [
    ...ownLines(include, compile(include, ['-E', '-dD'], INCLUDE)).matchAll(
      /^#define (\w+)(?!\() +\S/gm,
    ),
  ].map(([, name = '']) => name);
  const text = ownLines(include, compile(include, ['-E'], INCLUDE));
  const enumerators = [...text.matchAll(/\benum\s*(\w*)\s*\{([^}]*)\}/g)].map(
    ([, name = '', list = '']): [string, string[]] => [
      name,
      list.split(',').flatMap((item) => /^\s*(\w+)/.exec(item)?.[1] ?? []),
    ],
  );
  const members = membersOf(text, 'rseq_slice_area');
  const numbers = numbersAmong(include, macros);
  const offsetOf = (member: string) => `offsetof(struct rseq_slice_area, ${member})`;
  const values = evaluate(include, [
    ...numbers,
    ...enumerators.flatMap(([, names]) => names),
    ...members.map(offsetOf),
  ]);
  const valueOf = (expression: string) => values.get(expression) ?? -1n;
  return {
    numbers: new Map(numbers.map((name) => [name, valueOf(name)])),
    others: macros.filter((macro) => !numbers.includes(macro)),
    enums: new Map(
      enumerators.map(([name, names]) => [
        name,
        new Map(names.map((each) => [each, valueOf(each)])),
      ]),
    ),
    offsets: new Map(members.map((member) => [member, valueOf(offsetOf(member))])),
  };
}
