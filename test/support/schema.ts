// SPDX-License-Identifier: MIT
/** What the schema of the benchmarks' records has against one. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readDocument } from './examples.ts';

const isValid = new Ajv2020({ allowUnionTypes: true }).compile(
  JSON.parse(readDocument('packages/tools/schema/bench.schema.json')) as object,
);

/** @returns one line each; empty: nothing */
export function complaintsAbout(record: unknown): readonly string[] {
  return isValid(record)
    ? []
    : (isValid.errors ?? []).map(
        ({ instancePath, message }) => `${instancePath}: ${String(message)}`,
      );
}
