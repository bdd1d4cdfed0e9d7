// SPDX-License-Identifier: MIT
/** The manual page is in the package, as npm packs it. What is in the page is in man.test.ts. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/examples.ts';

it('is in the package, with the headers', () => {
  const { man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    man: string[];
  };
  for (const page of man) expect(existsSync(join(root, page)), page).toBe(true);
  const folder = mkdtempSync(join(tmpdir(), 'rseq-slice-pack-'));
  try {
    const { status, stdout } = spawnSync(
      'npm',
      ['pack', '--dry-run', '--json', '--ignore-scripts'],
      { cwd: root, encoding: 'utf8', env: { ...process.env, npm_config_cache: folder } },
    );
    expect(status).toBe(0);
    const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const paths = packed.files.map((file) => file.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'native/include/rseq_slice/abi.h',
        'native/include/rseq_slice/slice.h',
        'native/include/rseq_slice/node.h',
        'native/include/rseq_slice/rseq_percpu.h',
        'native/include/rseq_slice/rseq_percpu_aarch64.h',
        'native/include/rseq_slice/rseq_percpu_riscv64.h',
        'native/include/rseq_slice/rseq_percpu_s390x.h',
        'native/include/rseq_slice/rseq_percpu_sequences.h',
        'native/include/rseq_slice/rseq_percpu_x86_64.h',
        'native/man/rseq_percpu.3',
        'native/man/rseq_slice.3',
        'dist/native.js',
        'dist/native.d.ts',
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
