// SPDX-License-Identifier: MIT
/**
 * Our own addon, built on a machine with nothing but Node and a compiler; and the builds that
 * native-build.test.ts leaves out.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Binding } from '../../lib/host/linux/binding.ts';
import {
  BUILD,
  BuildFolder,
  load,
  node,
  QUIET,
  TOOLS,
  whyNoCompiler,
} from '../support/checkout.ts';
import './native-build.test.ts';

const EXPORTS: Record<keyof Binding, 'function'> = {
  probe: 'function',
  attach: 'function',
  detach: 'function',
  controlWord: 'function',
  enter: 'function',
  clear: 'function',
  yieldSlice: 'function',
  areaIds: 'function',
  featureSize: 'function',
  cpu: 'function',
  node: 'function',
  concurrencyId: 'function',
  flags: 'function',
  isOwner: 'function',
  nativeApi: 'function',
  futexWait: 'function',
  futexWake: 'function',
  schedYield: 'function',
  mapFile: 'function',
};

const folder = new BuildFolder();
afterAll(() => {
  folder.remove();
});

const whyNot = whyNoCompiler();

it('needs neither make nor Python: the addon loads, and asks the kernel', (context) => {
  if (whyNot !== undefined) context.skip(whyNot);
  const path = folder.checkout();
  expect(node(path, folder.pathWith(['cc', 'c++', ...TOOLS]), BUILD)).toMatchObject(QUIET);
  expect(
    load(
      path,
      'Object.fromEntries(Object.entries(addon).map(([name, value]) => [name, typeof value]))',
    ),
  ).toEqual(EXPORTS);
  expect(load(path, 'addon.probe(0, 0)')).toMatchObject({
    error: 0,
    libcSize: expect.any(Number) as number,
  });
  expect(readdirSync(join(path, 'build')), 'nothing is left over').toEqual(['Release']);
  expect(readdirSync(join(path, 'build/Release'))).toEqual(['rseq_slice.node']);
});
