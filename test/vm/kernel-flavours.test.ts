// SPDX-License-Identifier: MIT
/**
 * The flavours of the guest kernel: edits that do what they say or fail, kernels told apart by
 * them, and what `npm run kernel` says of a flavour. No kernel is built here, and none is needed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyEdits } from '../../packages/vm/lib/kernel/build.mjs';
import { cacheKey } from '../../packages/vm/lib/kernel/cache.mjs';
import { downloadDebianSource, PINNED } from '../../packages/vm/lib/kernel/debian.mjs';
import { substitution } from '../../packages/vm/lib/kernel/edits.mjs';
import type { Edit } from '../../packages/vm/lib/kernel/edits.mjs';
import {
  describeDifferences,
  editsText,
  flavourNamed,
  FLAVOURS,
} from '../../packages/vm/lib/kernel/flavours.mjs';
import { missingNeeds } from '../../packages/vm/lib/guest/packages.mjs';

const scripts = fileURLToPath(new URL('../../packages/vm/lib/kernel/', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rseq-slice-flavours-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

it('says away from Debian where a source comes from', () => {
  const { PATH } = process.env;
  try {
    process.env['PATH'] = folder;
    expect(() => downloadDebianSource(folder, () => undefined)).toThrow(
      /^This machine has no apt-get, .* --source FILE\|DIR; kernel\.org has them\.$/,
    );
  } finally {
    process.env['PATH'] = PATH;
  }
});

describe('an edit', () => {
  const edit = substitution('five becomes six', 'some/file.c', /(limit = )5;/, '$1six;');

  it('changes its place and nothing else', () => {
    expect(edit.apply('a\nlimit = 5;\nb\n')).toBe('a\nlimit = six;\nb\n');
  });

  it.each(['no place', 'limit = 5; and limit = 5;'])("refuses '%s'", (text) => {
    expect(() => edit.apply(text)).toThrow(
      /'five becomes six' wants one place in some\/file\.c .* finds [02]/,
    );
  });

  it('finds the beginnings of lines where it asks for them', () => {
    expect(substitution('n', 'f', /^b$/m, 'c').apply('a\nb\n')).toBe('a\nc\n');
  });

  it('is written into the tree, one after the other', () => {
    const path = put('some/file.c', 'limit = 5;\n');
    applyEdits(folder, [edit, substitution('six becomes seven', 'some/file.c', /six/, 'seven')]);
    expect(readFileSync(path, 'utf8')).toBe('limit = seven;\n');
  });

  it('names itself and the file when its place is missing, or the file, or when it does nothing', () => {
    expect(() => {
      applyEdits(folder, [edit]);
    }).toThrow(
      "The edit 'five becomes six' wants to change some/file.c, which this source has not got.",
    );
    put('some/file.c', 'another text\n');
    expect(() => {
      applyEdits(folder, [edit]);
    }).toThrow(/'five becomes six' wants one place in some\/file\.c/);
    const idle: Edit = { name: 'nothing', file: 'some/file.c', text: '', apply: (text) => text };
    expect(() => {
      applyEdits(folder, [idle]);
    }).toThrow("The edit 'nothing' changed nothing in some/file.c");
  });
});

function editNamed(flavour: string, name: RegExp): Edit {
  const found = flavourNamed(flavour).edits.filter((edit) => name.test(edit.name));
  if (found[0] === undefined) throw new Error(`'${flavour}' has no edit like ${name}.`);
  return found[0];
}

/** Texts of our own in which the place looks as in the source. */
const PLACES = [
  [
    '7.0',
    /areas of 32 bytes/,
    'if (feature && rseq_len > ORIG_RSEQ_SIZE)\n\tversion = 2;',
    'if (feature)\n\tversion = 2;',
  ],
  [
    '7.0',
    /no flag/,
    '#define RSEQ_FLAGS_SUPPORTED (ONE_FLAG)\n',
    '#define RSEQ_FLAGS_SUPPORTED 0\n',
  ],
  ['7.0', /ids/, 'if (key(rseq_debug_enabled) || rseq_v2(t)) {', 'if (key(rseq_debug_enabled)) {'],
  [
    'rfc',
    /470/,
    '470 common other other\n471 common rseq_slice_yield call\n472 common last last\n',
    '470 common rseq_slice_yield call\n472 common last last\n',
  ],
  [
    'rfc',
    /bits 0 and 1/,
    '__u8 request; __u8 granted; __u16 __reserved;',
    '__u32 request : 1; __u32 granted : 1; __u32 __reserved : 30;',
  ],
  ['rfc', /32 bytes, and so/, 'a;\n\t__u8 __reserved;\nb;', 'a;\nb;'],
  [
    'rfc',
    /kills/,
    'rseq_stat_inc(rseq_stats.s_aborted);',
    'rseq_stat_inc(rseq_stats.s_aborted); force_sig(SIGSEGV);',
  ],
  ['rfc', /10 us/, 'rseq_slice_ext_nsecs_min = 5 * US;', 'rseq_slice_ext_nsecs_min = 10 * US;'],
  [
    'rfc',
    /30 us/,
    'rseq_slice_ext_nsecs __read_mostly = least;',
    'rseq_slice_ext_nsecs __read_mostly = 30 * NSEC_PER_USEC;',
  ],
  [
    'rfc',
    /asks with a bit/,
    'RSEQ_WRITE_ONCE(rs->slice_ctrl.request, 1);',
    'RSEQ_WRITE_ONCE(rs->slice_ctrl.all, 1);',
  ],
] as const;

describe('the flavours', () => {
  it('are those there are kernels of, and one without the feature', () => {
    expect([...FLAVOURS.keys()]).toEqual(['mainline', '7.0', 'rfc', 'off']);
    expect(() => flavourNamed('8.0')).toThrow(/'8\.0'.*mainline, 7\.0, rfc, off/);
  });

  it.each(PLACES)(
    '%s: the edit like %s changes what it is about',
    (flavour, name, before, after) => {
      expect(editNamed(flavour, name).apply(before)).toBe(after);
    },
  );

  it('have edits that all fail on a source that is another, naming themselves and the file', () => {
    for (const { edits } of FLAVOURS.values()) {
      for (const { name, file, apply } of edits) {
        expect(() => apply('int main(void);\n'), name).toThrow(
          `The edit '${name}' wants one place in ${file} `,
        );
      }
    }
  });

  it('have keys of their own in the cache, and another one when an edit or the configuration changes', () => {
    const rest = { source: 's', fragment: 'f', compiler: 'c', flavour: 'the same' };
    const key = (edits: string): string => cacheKey({ ...rest, edits });
    const keys = [...FLAVOURS.values()].map((flavour) => key(editsText(flavour)));
    expect(new Set(keys).size).toBe(FLAVOURS.size);
    const rfc = flavourNamed('rfc');
    const [first, ...others] = rfc.edits;
    if (first === undefined) throw new Error('rfc has no edits.');
    for (const edits of [
      others,
      [{ ...first, text: 'another' }, ...others],
      [{ ...first, file: 'another' }, ...others],
    ]) {
      expect(key(editsText({ ...rfc, edits }))).not.toBe(key(editsText(rfc)));
    }
    expect(key(editsText({ ...rfc, config: ['CONFIG_X=y'] }))).not.toBe(key(editsText(rfc)));
  });
});

describe('npm run kernel', () => {
  /** An entry of the cache, as a build would have left it. */
  function pretendBuilt(flavour: string): void {
    const compiler =
      spawnSync('gcc', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0] ?? '';
    const fragment = readFileSync(join(scripts, 'fragment.config'), 'utf8');
    const key = cacheKey({
      source: `debian ${PINNED.version}`,
      flavour,
      fragment,
      edits: editsText(flavourNamed(flavour)),
      compiler,
    });
    const record = { version: '7.3.4', flavour, image: 'bzImage', sliceTest: 'slice_test' };
    put(`kernels/${flavour}-${key}/kernel.json`, JSON.stringify(record));
  }

  function print(flavour: string): string {
    pretendBuilt(flavour);
    const env = { ...process.env, RSEQ_SLICE_CACHE: folder };
    const command = [join(scripts, '../main.mjs'), 'kernel', '--flavour', flavour];
    const child = spawnSync(process.execPath, command, { encoding: 'utf8', env });
    expect({ status: child.status, stderr: child.stderr }).toEqual({ status: 0, stderr: '' });
    return child.stdout;
  }

  it('says how a flavour differs from the source, an edit a line', (context) => {
    const missing = missingNeeds(['source', 'build']);
    if (missing.length > 0)
      context.skip('What builds kernels is not installed here, and is asked for first.');
    expect(print('mainline')).toMatch(/ {2}the source as it comes\n$/);
    expect(print('off')).toMatch(
      / {2}differs from the source:\n {4}configuration: # CONFIG_RSEQ_SLICE_EXTENSION is not set\n$/,
    );
    const rfc = flavourNamed('rfc');
    const lines = describeDifferences(rfc);
    expect(lines).toHaveLength(rfc.edits.length);
    const printed = print('rfc');
    for (const line of lines) expect(printed).toContain(`    ${line}\n`);
    expect(lines.join('\n')).toMatch(
      /system call 470.*\(arch\/x86\/entry\/syscalls\/syscall_64\.tbl\)\n.*kills \(kernel\/rseq\.c\)/,
    );
  });
});
