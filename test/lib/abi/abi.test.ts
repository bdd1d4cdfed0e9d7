// SPDX-License-Identifier: MIT
/**
 * A number of the ABI or of the C interface stands in the public headers of C
 * and in `lib/abi/`. Here the two are held together, both ways: whatever the C
 * compiler finds there has its owner in TypeScript, or a reason why it has none.
 */
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import * as ours from '../../../lib/abi/interface.ts';
import * as kernel from '../../../lib/abi/kernel.ts';
import { isThere } from '../../../scripts/native/compilers.mjs';
import { evaluate, readHeaders } from '../../support/c-headers.ts';
import type { Headers } from '../../support/c-headers.ts';

const include = realpathSync(fileURLToPath(new URL('../../../native/include', import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-headers-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const reason =
  process.platform !== 'linux'
    ? 'slices are a feature of Linux'
    : isThere(['cc'])
      ? undefined
      : 'there is no cc';
if (reason !== undefined) console.log(`the numbers of C and TypeScript: skipped: ${reason}`);

const PREFIX = 'RSEQ_SLICE_ABI_';

/** Macros that TypeScript has no use for, and why. */
const C_ALONE: Readonly<Record<string, string>> = {
  RSEQ_SLICE_ABI_AT_FEATURE_SIZE: 'the addon reads the auxiliary vector',
  RSEQ_SLICE_ABI_AT_ALIGN: 'the addon reads the auxiliary vector',
  RSEQ_SLICE_ABI_CPU_ID_REGISTRATION_FAILED: 'libc writes it, and the addon tells',
  RSEQ_SLICE_ABI_NR_RSEQ: 'only the addon makes the call',
  RSEQ_SLICE_API_MAJOR: 'addons compare it with the table',
  RSEQ_SLICE_API_MINOR: 'addons compare it with the table',
  RSEQ_SLICE_API_SIZE_1_0: 'addons compare it with the table',
  RSEQ_SLICE_API_TAG_LOWER: 'JavaScript cannot look into the external that has it',
  RSEQ_SLICE_API_TAG_UPPER: 'JavaScript cannot look into the external that has it',
  // Of one architecture, where the others have another one.
  ...(process.arch === 'x64' ? {} : { RSEQ_SLICE_ABI_SIGNATURE: 'the machine is an x86-64 one' }),
};

/** Macros that are no numbers. */
const NO_NUMBERS = ['RSEQ_SLICE_ABI_ASSERT'];

/** Numbers of TypeScript that no macro is, as C has them. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  CONTROL_WORD_BYTES: 'sizeof(((struct rseq_slice_area *)0)->slice_ctrl)',
  REQUEST_BYTE:
    'offsetof(struct rseq_slice_area, slice_ctrl.bytes.request) - offsetof(struct rseq_slice_area, slice_ctrl)',
  GRANTED_BYTE:
    'offsetof(struct rseq_slice_area, slice_ctrl.bytes.granted) - offsetof(struct rseq_slice_area, slice_ctrl)',
  ...Object.fromEntries(Object.keys(kernel.ErrorNumber).map((name) => [name, name])),
};

/** Numbers of TypeScript that C has no use for, and why. */
const TYPESCRIPT_ALONE: Readonly<Record<string, string>> = {
  SLICE_ALIGNMENT: 'C asks the auxiliary vector',
  EXTENSIONS: 'no setting of the kernel is any matter of C',
  ...(process.arch === 'x64' ? {} : { SIGNATURE: 'of an x86-64 machine, which the host is not' }),
};

/** Names in the order of an enum, from a first value on. */
function numbered(names: readonly string[], first = 0): ReadonlyMap<string, bigint> {
  return new Map(names.map((name, index) => [name, BigInt(first + index)]));
}

/** The enums of `slice.h`, as TypeScript has them. */
const ENUMS: ReadonlyMap<string, ReadonlyMap<string, bigint>> = new Map([
  ['rseq_slice_abi_version', numbered(['auto', ...ours.ABI_VERSIONS])],
  ['rseq_slice_registration', numbered(ours.REGISTRATIONS)],
  ['rseq_slice_step', numbered(ours.STEPS)],
  ['rseq_slice_user_kind', numbered(ours.USES, 1)],
  [
    'rseq_slice_outcome',
    new Map(
      Object.entries(ours.Outcome).map(([name, value]): [string, bigint] => [
        name.toLowerCase(),
        BigInt(value),
      ]),
    ),
  ],
]);

/** The plain numbers of `kernel.ts`, by the names that they have there. */
function numbersOfTypeScript(): Map<string, bigint> {
  return new Map(
    Object.entries({ ...kernel, ...kernel.ErrorNumber }).flatMap(([name, value]) =>
      typeof value === 'number' ? [[name, BigInt(value)]] : [],
    ),
  );
}

/** Names of enumerators in TypeScript's words: `RSEQ_SLICE_STEP_NONE` of the steps is `none`. */
function inWords(name: string, values: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const group = `${name.toUpperCase()}_`;
  return new Map(
    [...values].map(([enumerator, value]) => {
      // One that does not spell out its group stays as it is, and so fits nothing.
      if (!enumerator.startsWith(group)) return [enumerator, value];
      const word = enumerator.slice(group.length).toLowerCase();
      return [/^\d/.test(word) ? word.replace('_', '.') : word.replaceAll('_', '-'), value];
    }),
  );
}

const NOTHING = 'nothing';

function* compareMaps(
  what: string,
  c: ReadonlyMap<string, bigint>,
  typeScript: ReadonlyMap<string, bigint>,
): Generator<string> {
  for (const name of new Set([...c.keys(), ...typeScript.keys()])) {
    const [here, there] = [c.get(name) ?? NOTHING, typeScript.get(name) ?? NOTHING];
    if (here !== there)
      yield `${what} ${name} is ${String(here)} in C and ${String(there)} in TypeScript`;
  }
}

function* compareNumbers(headers: Headers, values: ReadonlyMap<string, bigint>): Generator<string> {
  const typeScript = numbersOfTypeScript();
  for (const name of Object.keys(TYPESCRIPT_ALONE)) {
    if (!(name in kernel))
      yield `${name} is on the list of what is in TypeScript alone, and is not`;
    typeScript.delete(name);
  }
  const c = new Map(headers.numbers);
  for (const name of Object.keys(C_ALONE))
    if (!c.delete(name)) yield `${name} is on the list of what is in C alone, and is not`;
  const named = new Map(
    [...c].map(([name, value]) => [
      name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name,
      value,
    ]),
  );
  for (const [name, expression] of Object.entries(EXPRESSIONS))
    named.set(name, values.get(expression) ?? -1n);
  yield* compareMaps('the number', named, typeScript);
}

/** What C and TypeScript do not agree on; nothing: all is well. */
function compare(path: string): string[] {
  const headers = readHeaders(path);
  const values = evaluate(path, Object.values(EXPRESSIONS));
  const offsets = Object.entries(kernel.AREA_OFFSETS).map(([name, value]): [string, bigint] => [
    name,
    BigInt(value),
  ]);
  const enums = new Set([...headers.enums.keys(), ...ENUMS.keys()]);
  return [
    ...compareNumbers(headers, values),
    ...compareMaps('the offset of', headers.offsets, new Map(offsets)),
    ...[...enums].flatMap((name) => [
      ...compareMaps(
        `of ${name}`,
        inWords(name, headers.enums.get(name) ?? new Map()),
        ENUMS.get(name) ?? new Map(),
      ),
    ]),
    ...headers.others
      .filter((name) => !NO_NUMBERS.includes(name))
      .map((name) => `${name} is what?`),
  ];
}

describe.skipIf(reason !== undefined)('C and TypeScript', () => {
  it('have the same numbers', () => {
    const { numbers, enums, offsets } = readHeaders(include);
    expect(numbers.size).toBeGreaterThan(25);
    expect([...enums.values()].every((values) => values.size > 2)).toBe(true);
    expect(offsets.size).toBe(8);
    expect(compare(include)).toEqual([]);
  });

  it('give every name of C its prefix', () => {
    const { numbers, others, enums } = readHeaders(include);
    const names = [
      ...numbers.keys(),
      ...others,
      ...[...enums.values()].flatMap((v) => [...v.keys()]),
    ];
    expect(names.filter((name) => !name.startsWith('RSEQ_SLICE_'))).toEqual([]);
    expect([...enums.keys()].filter((name) => !name.startsWith('rseq_slice_'))).toEqual([]);
  });

  it.each([
    [
      'another number',
      'abi.h',
      'NR_SLICE_YIELD 471',
      'NR_SLICE_YIELD 473',
      ['the number NR_SLICE_YIELD is 473 in C and 471 in TypeScript'],
    ],
    [
      'a number more',
      'abi.h',
      '#define RSEQ_SLICE_ABI_ENOTSUPP 524',
      '#define RSEQ_SLICE_ABI_ENOTSUPP 524\n#define RSEQ_SLICE_ABI_MORE (1u << 3)',
      ['the number MORE is 8 in C and nothing in TypeScript'],
    ],
    [
      'a number less',
      'abi.h',
      '#define RSEQ_SLICE_ABI_FLAG_SLICE_DEFAULT_ON 2\n',
      '',
      ['the number FLAG_SLICE_DEFAULT_ON is nothing in C and 2 in TypeScript'],
    ],
    [
      'a listed number less',
      'slice.h',
      '#define RSEQ_SLICE_API_TAG_LOWER',
      '#define RSEQ_SLICE_API_TAG_LOWEST',
      [
        'RSEQ_SLICE_API_TAG_LOWER is on the list of what is in C alone, and is not',
        expect.stringContaining('RSEQ_SLICE_API_TAG_LOWEST is') as string,
      ],
    ],
    [
      'another enumerator',
      'slice.h',
      'RSEQ_SLICE_STEP_USERS = 11,',
      'RSEQ_SLICE_STEP_USERS = 11,\n\tRSEQ_SLICE_STEP_MORE,',
      ['of rseq_slice_step more is 12 in C and nothing in TypeScript'],
    ],
    [
      'another order',
      'slice.h',
      /RSEQ_SLICE_REGISTRATION_OWN = 2([^]*)RSEQ_SLICE_REGISTRATION_REPLACE = 3/,
      'RSEQ_SLICE_REGISTRATION_REPLACE = 2$1RSEQ_SLICE_REGISTRATION_OWN = 3',
      [
        'of rseq_slice_registration replace is 2 in C and 3 in TypeScript',
        'of rseq_slice_registration own is 3 in C and 2 in TypeScript',
      ],
    ],
    [
      'another enum',
      'abi.h',
      'struct rseq_slice_area {',
      'enum rseq_slice_more { RSEQ_SLICE_MORE_NONE };\nstruct rseq_slice_area {',
      ['of rseq_slice_more none is 0 in C and nothing in TypeScript'],
    ],
    [
      'another member',
      'abi.h',
      'volatile uint8_t reserved;',
      'volatile uint8_t reserved;\n\tvolatile uint32_t more;',
      ['the offset of more is 36 in C and nothing in TypeScript'],
    ],
  ])('%s is told', (name, file, from, to, differences) => {
    const copy = join(realpathSync(folder), name.replaceAll(' ', '-'));
    cpSync(include, copy, { recursive: true });
    const path = join(copy, 'rseq_slice', file);
    const text = readFileSync(path, 'utf8');
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    writeFileSync(path, changed);
    expect(compare(copy)).toEqual(differences);
  });
});
