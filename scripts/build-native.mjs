// Compiles the addon with node-gyp. Node's own headers are taken from beside
// the running node when they are there, so that nothing needs downloading.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const prefix = dirname(dirname(process.execPath));
const local = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
const build = spawnSync(process.execPath, [nodeGyp, 'rebuild', '--loglevel=warn', ...local], {
  stdio: ['ignore', 2, 2],
});
if (build.status !== 0) {
  console.error(
    'The addon did not compile. It needs make, Python 3 and a C++17 compiler ' +
      '(on Debian: apt-get install make python3 g++).',
  );
  process.exit(build.status ?? 1);
}
