// SPDX-License-Identifier: MIT
/**
 * Whether the check of a prebuilt addon's symbols finds one that is too new: read from a table, and
 * from a library made for it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { isThere } from '../../scripts/native/compilers.mjs';
import { checkImports, readImports, tooNew } from '../../scripts/package/symbols.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-symbols-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const whyNot =
  process.platform !== 'linux'
    ? 'libraries of Linux'
    : isThere(['cc']) && isThere(['readelf'])
      ? undefined
      : 'no cc and readelf here';

/** A library that asks for `planted` in this version, of a libc made for it. */
function plant(version: string): string {
  const [libc, addon] = [join(folder, `libc-${version}.so`), join(folder, `asks-${version}.node`)];
  writeFileSync(join(folder, 'libc.c'), 'int planted(void) { return 1; }\n');
  writeFileSync(join(folder, 'libc.map'), `${version} { global: planted; local: *; };\n`);
  writeFileSync(
    join(folder, 'addon.c'),
    'int planted(void);\nint use(void) { return planted(); }\n',
  );
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-nostdlib',
    `-Wl,--version-script,${join(folder, 'libc.map')}`,
    join(folder, 'libc.c'),
    '-o',
    libc,
  ]);
  execFileSync('cc', ['-shared', '-fPIC', '-nostdlib', join(folder, 'addon.c'), libc, '-o', addon]);
  return addon;
}

describe('versions', () => {
  it.each([
    ['GLIBC_2.28', false],
    ['GLIBC_2.3.4', false],
    ['GLIBC_2.2.5', false],
    ['GLIBC_2.28.1', true],
    ['GLIBC_2.29', true],
    ['GLIBC_2.100', true],
    ['GLIBCXX_3.4', false],
    ['GLIBCXX_3.4.21', false],
    ['GLIBCXX_3.4.22', true],
    ['CXXABI_1.3.9', false],
    ['CXXABI_1.3.10', true],
    // None that the floor knows, so nobody knows whether it is there.
    ['GCC_3.0', true],
    ['GLIBC_PRIVATE', true],
  ])('%s is too new: %s', (version, isTooNew) => {
    expect(tooNew([{ name: 'f', version }])).toHaveLength(isTooNew ? 1 : 0);
  });
});

describe.skipIf(whyNot !== undefined)(
  `an addon${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`,
  () => {
    it('that asks for a newer symbol is refused, by its name', () => {
      const addon = plant('GLIBC_2.34');
      expect(readImports(addon)).toEqual([{ name: 'planted', version: 'GLIBC_2.34' }]);
      expect(() => checkImports(addon)).toThrow(
        /asks for planted@GLIBC_2\.34; allowed is up to GLIBC_2\.28/,
      );
    });

    it('that asks for older ones is not', () => {
      expect(checkImports(plant('GLIBC_2.28'))).toBe(1);
    });

    it('that asks for none was not looked at rightly', () => {
      const path = join(folder, 'none.node');
      execFileSync('cc', ['-shared', '-fPIC', '-nostdlib', '-x', 'c', '/dev/null', '-o', path]);
      expect(() => checkImports(path)).toThrow(/no versioned symbol/);
    });

    it('is what is built here: as it is prebuilt', () => {
      expect(
        checkImports(
          fileURLToPath(new URL('../../build/Release/rseq_slice.node', import.meta.url)),
        ),
      ).toBeGreaterThan(10);
    });
  },
);
