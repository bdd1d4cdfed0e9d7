// SPDX-License-Identifier: MIT
/** The version of this package, as its package.json says. */
import { readFileSync } from 'node:fs';

const description = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };
export const version: string = description.version;
