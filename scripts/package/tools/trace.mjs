// SPDX-License-Identifier: MIT
// Copies what a program needs into an empty folder, as Next.js and Vercel do: node trace.mjs ENTRY
// FOLDER.

import { nodeFileTrace } from '@vercel/nft';
import { cpSync } from 'node:fs';
import { join } from 'node:path';

const [, , entry = '', folder = ''] = process.argv;
const { fileList } = await nodeFileTrace([entry], { base: process.cwd() });
for (const file of fileList) cpSync(file, join(folder, file));
process.stdout.write(JSON.stringify([...fileList].filter((file) => file.endsWith('.node'))));
