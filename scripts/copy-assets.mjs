// What a report's page carries in it, beside the code that makes pages: the page's script and looks from lib/, and the
// plotting library with its licence. The last step of `npm run build:lib`.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = join(root, 'lib/report/assets');
const library = join(root, 'node_modules/uplot');
const to = join(root, 'dist/report/assets');

mkdirSync(to, { recursive: true });
for (const name of readdirSync(own)) copyFileSync(join(own, name), join(to, name));
for (const name of ['uPlot.iife.min.js', 'uPlot.min.css']) copyFileSync(join(library, 'dist', name), join(to, name));
copyFileSync(join(library, 'LICENSE'), join(to, 'uPlot.LICENSE'));
