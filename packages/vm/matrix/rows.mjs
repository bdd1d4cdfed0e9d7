// SPDX-License-Identifier: MIT
// The rows of the matrix: each an environment, and what the library must make of it. What an
// environment consists of is named here and built elsewhere.

/**
 * @typedef {object} Row
 * @property {string} name unique; `--only` looks in it
 * @property {boolean} [diagonal] one of the few that are run on every change
 * @property {'mainline' | '7.0' | 'rfc' | 'off' | 'host'} kernel a flavour of
 * packages/vm/lib/kernel/, or the kernel that runs here
 * @property {'debian-13'} [root] default: this machine's files
 * @property {22 | 24 | 26} [node] default: the Node that runs here
 * @property {string} [append] kernel command line
 * @property {number} [cpus] default 2; 1 with icount
 * @property {boolean} [icount]
 * @property {readonly string[]} [flags] options of Node
 * @property {Readonly<Record<string, string>>} [env]
 * @property {'seccomp' | 'preload'} [wrap] see run-row.mjs
 * @property {string} [wrapArgument] what the wrapper is told
 * @property {Readonly<Record<string, string>>} [attach] options of attach()
 * @property {'environment' | 'migration' | 'shim' | 'shim-musl' | 'read-modify-write' |
 *   'neighbours'}
 * [program] default 'environment'; 'shim' is its tests in C, with those of per-CPU data
 * @property {import('./judge.mjs').Expectation} expect
 */

const GLIBC_236 = 'glibc 2.36';
const NO_LIBC_AREA = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
const ON_MAINLINE = /** @type {const} */ ({
  host: 'linux',
  abiVersion: 'mainline',
  reason: 'available',
});

/** @param {string} reason @returns {import('./judge.mjs').Expectation} */
const simulated = (reason) => ({ host: 'simulated', registration: 'simulated', reason });

/**
 * The shim's tests, on a kernel that checks sequences and on one that does not.
 * @param {Pick<Row, 'root' | 'program'>} place
 * @param {{ registration: string, libc: string }} expect
 * @returns {Row[]}
 */
const inC = (place, expect) =>
  ['', 'rseq_debug=1'].map((append) => ({
    ...place,
    name: `mainline, ${expect.libc}, in C${append === '' ? '' : `, ${append}`}`,
    kernel: 'mainline',
    append,
    expect: { ...ON_MAINLINE, ...expect, isDebugging: append !== '' },
  }));

/** @type {readonly Row[]} */
export const ROWS = [
  {
    name: 'mainline, glibc 2.36',
    diagonal: true,
    kernel: 'mainline',
    expect: { ...ON_MAINLINE, registration: 'replace', libc: GLIBC_236 },
  },
  {
    name: 'mainline, glibc 2.41',
    diagonal: true,
    kernel: 'mainline',
    root: 'debian-13',
    expect: { ...ON_MAINLINE, registration: 'libc', libc: 'glibc 2.41' },
  },
  {
    name: "mainline, glibc's registration off",
    kernel: 'mainline',
    env: NO_LIBC_AREA,
    expect: { ...ON_MAINLINE, registration: 'own' },
  },
  ...inC({ root: 'debian-13', program: 'shim' }, { registration: 'libc', libc: 'glibc 2.41' }),
  ...inC({ program: 'shim-musl' }, { registration: 'own', libc: 'musl' }),
  ...[22, 24, 26].map((node) => ({
    name: `mainline, Node ${node}`,
    diagonal: node === 26,
    kernel: /** @type {const} */ ('mainline'),
    node: /** @type {22 | 24 | 26} */ (node),
    expect: { ...ON_MAINLINE, registration: 'replace', node: `v${node}.` },
  })),
  {
    name: '7.0, glibc 2.36',
    diagonal: true,
    kernel: '7.0',
    expect: {
      host: 'linux',
      abiVersion: '7.0',
      reason: 'available',
      registration: 'libc',
      libc: GLIBC_236,
    },
  },
  {
    name: 'rfc, glibc 2.36, rseq_debug=1',
    diagonal: true,
    kernel: 'rfc',
    append: 'rseq_debug=1',
    // This ABI kills for a system call in an extension, and the engine makes one whenever it hands
    // a function to its compiler.
    flags: ['--jitless'],
    expect: {
      host: 'linux',
      abiVersion: 'rfc',
      reason: 'available',
      registration: 'libc',
      libc: GLIBC_236,
      isDebugging: true,
      yielded: 100,
    },
  },
  {
    name: 'rfc, plain read-modify-write',
    kernel: 'rfc',
    append: 'rseq_debug=1',
    program: 'read-modify-write',
    expect: { host: 'linux', abiVersion: 'rfc', registration: 'libc', isDebugging: true },
  },
  {
    name: 'mainline, rseq_slice_ext=0',
    diagonal: true,
    kernel: 'mainline',
    append: 'rseq_slice_ext=0',
    expect: simulated('off-at-boot'),
  },
  {
    name: 'mainline without the feature',
    kernel: 'off',
    expect: simulated('kernel-without-feature'),
  },
  {
    name: 'the kernel of this machine',
    diagonal: true,
    kernel: 'host',
    expect: simulated('kernel-without-feature'),
  },
  ...['ENOSYS', 'EPERM'].map((errno) => ({
    name: `mainline, a filter answers ${errno} to the yield`,
    kernel: /** @type {const} */ ('mainline'),
    wrap: /** @type {const} */ ('seccomp'),
    wrapArgument: `yield=${errno}`,
    expect: { ...ON_MAINLINE, registration: 'replace' },
  })),
  {
    name: 'mainline, a filter denies rseq',
    kernel: 'mainline',
    wrap: 'seccomp',
    wrapArgument: 'rseq=EPERM',
    expect: simulated('denied'),
  },
  {
    name: 'mainline, a filter denies prctl',
    kernel: 'mainline',
    wrap: 'seccomp',
    wrapArgument: 'prctl=EPERM',
    expect: simulated('denied'),
  },
  {
    name: "mainline, libc's area may not be replaced",
    kernel: 'mainline',
    attach: { registration: 'libc' },
    expect: simulated('legacy-registration'),
  },
  {
    name: "mainline, a library uses libc's area",
    kernel: 'mainline',
    wrap: 'preload',
    expect: simulated('foreign-use'),
  },
  ...['full', 'lazy'].map((model) => ({
    name: `mainline, preempt=${model}`,
    kernel: /** @type {const} */ ('mainline'),
    append: `preempt=${model}`,
    expect: { ...ON_MAINLINE, registration: 'replace', preemption: model },
  })),
  {
    name: 'other users of rseq, mainline, glibc 2.36',
    diagonal: true,
    kernel: 'mainline',
    program: 'neighbours',
    expect: { ...ON_MAINLINE, registration: 'replace', libc: GLIBC_236 },
  },
  {
    name: 'other users of rseq, mainline, glibc 2.41',
    kernel: 'mainline',
    root: 'debian-13',
    program: 'neighbours',
    expect: { ...ON_MAINLINE, registration: 'libc', libc: 'glibc 2.41' },
  },
  {
    name: 'other users of rseq, 7.0, glibc 2.36',
    kernel: '7.0',
    program: 'neighbours',
    expect: {
      host: 'linux',
      abiVersion: '7.0',
      reason: 'available',
      registration: 'libc',
      libc: GLIBC_236,
    },
  },
  {
    name: "other users of rseq, mainline, glibc's registration off",
    kernel: 'mainline',
    env: NO_LIBC_AREA,
    program: 'neighbours',
    expect: { ...ON_MAINLINE, registration: 'own' },
  },
  {
    name: 'mainline, moved between CPUs inside sections',
    kernel: 'mainline',
    program: 'migration',
    expect: { ...ON_MAINLINE, registration: 'replace' },
  },
  ...[1, 4].map((cpus) => ({
    name: `mainline, ${cpus} CPU${cpus === 1 ? '' : 's'}`,
    kernel: /** @type {const} */ ('mainline'),
    cpus,
    expect: { ...ON_MAINLINE, registration: 'replace' },
  })),
];

/**
 * @param {{ only?: string | undefined, diagonal?: boolean }} choice
 * @returns {readonly Row[]}
 */
export function chooseRows({ only, diagonal = false }) {
  const pattern = only === undefined ? null : new RegExp(only, 'i');
  return ROWS.filter(
    (row) => (!diagonal || row.diagonal === true) && (pattern === null || pattern.test(row.name)),
  );
}

/**
 * What the row says of its environment, with what it says by itself: a guest has the CPUs it was
 * started with. The machine that runs the matrix has as many as it has.
 * @param {Row} row
 * @returns {import('./judge.mjs').Expectation}
 */
export function expectationOf({ kernel, icount = false, cpus = icount ? 1 : 2, expect }) {
  return kernel === 'host' ? expect : { cpus, ...expect };
}
