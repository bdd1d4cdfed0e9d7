// SPDX-License-Identifier: MIT
/**
 * All locks of a kind have one hidden class, as V8 calls it, and so has each object they are made
 * of: else code that uses more than one of them looks up every property by its name.
 */
import { expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';

it('locks of a kind share their hidden classes', () => {
  expect(runProgram('lock-shapes.mjs', [], ['--allow-natives-syntax'])).toEqual([]);
});
