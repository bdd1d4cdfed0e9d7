// SPDX-License-Identifier: MIT
// Writes job.sh, the part of the guest's init that differs from job to job: environment, working
// directory, command. All of it is plain assignments and quoted words, because it is run by
// whatever /bin/sh the guest's root has.

/**
 * Host variables a command in the guest may want as well; the rest of the host's environment stays
 * outside.
 */
const PASSED_ON = [
  'LANG',
  'LC_ALL',
  'TERM',
  'TZ',
  'NODE_ENV',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_DEBUG',
  'NODE_NO_WARNINGS',
  'NO_COLOR',
  'FORCE_COLOR',
];

const STANDARD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where the guest has the harness's folder, with the programs in `bin/` that it brings. */
const BROUGHT = '/run/rseq-slice/bin';

/** @param {string} word @returns {string} the word as one word of sh */
export function shellQuote(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The environment of the command in the guest.
 * @param {Readonly<Record<string, string | undefined>>} host
 * @param {Readonly<Record<string, string>>} own what the caller wants on top
 * @param {{ sameRoot: boolean }} options whether the guest's root is the host's, so that its PATH
 * means something there
 * @returns {Record<string, string>}
 */
export function guestEnvironment(host, own, { sameRoot }) {
  /** @type {Record<string, string>} */
  const env = {
    // A project's own rseq-slice, which npm puts before the others, comes first.
    PATH: sameRoot ? `${host['PATH'] ?? STANDARD_PATH}:${BROUGHT}` : STANDARD_PATH,
    // The root is read only; what programs keep for their user goes where it may be written.
    HOME: '/tmp/home',
    TMPDIR: '/tmp',
    npm_config_cache: '/tmp/npm-cache',
    XDG_CACHE_HOME: '/tmp/cache',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    RSEQ_SLICE_GUEST: '1',
    RSEQ_SLICE_JOB: '/run/job',
  };
  for (const name of PASSED_ON) {
    const value = host[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...own };
}

/**
 * Of the folders the command needs at their own path, those that the guest covers with a file
 * system of its own.
 * @param {readonly string[]} paths
 * @returns {string[]}
 */
export function coveredPaths(paths) {
  const covers = ['/tmp', '/run', '/dev/shm'];
  const covered = paths.filter((path) => covers.some((cover) => path.startsWith(`${cover}/`)));
  return [...new Set(covered)].sort();
}

/**
 * The command line of a checkout, as a program: a link would need a file that may be run.
 * @param {string} checkout
 */
export const commandLineScript = (checkout) =>
  `#!/bin/sh\nexec node ${shellQuote(`${checkout}/dist/cli/main.js`)} "$@"\n`;

/**
 * `npx rseq-slice` in a checkout installs the checkout first, and would do so into files that the
 * guest can only read: there the program that the harness brings is meant. In other projects npx
 * finds theirs.
 * @param {readonly string[]} command
 * @param {boolean} isCheckout whether it starts there
 * @returns {readonly string[]}
 */
export function withoutNpx(command, isCheckout) {
  return isCheckout && command[0] === 'npx' && command[1] === 'rseq-slice'
    ? command.slice(1)
    : command;
}

/**
 * @typedef {object} Job
 * @property {readonly string[]} command
 * @property {Readonly<Record<string, string>>} env
 * @property {string} cwd
 * @property {readonly string[]} visible folders of the host's /tmp or /run to show at their own
 * path
 * @property {string} marker what the guest writes at the end of its streams
 * @property {number} cpus how many there must be
 * @property {number | null} extension rseq/slice_ext_nsec
 * @property {{ rows: number, columns: number } | null} [terminal] the size of the one that the
 * command is on
 */

/** @param {Job} job @returns {string} */
export function jobScript(job) {
  const lines = [
    '# Sourced by init.sh: what is particular to this job.',
    'job_environment() {',
    '  :',
  ];
  for (const [name, value] of Object.entries(job.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new Error(`'${name}' is not a name for an environment variable of a shell.`);
    if (value.includes('\0'))
      throw new Error(`The environment variable ${name} has a NUL byte in it.`);
    lines.push(`  export ${name}=${shellQuote(value)}`);
  }
  lines.push('}');
  for (const path of job.visible) lines.push(`show_again ${shellQuote(path)}`);
  lines.push(`marker=${shellQuote(job.marker)}`);
  lines.push(`cpus=${job.cpus}`);
  if (job.extension !== null) lines.push(`extension=${job.extension}`);
  if (job.terminal) lines.push(`terminal='rows ${job.terminal.rows} cols ${job.terminal.columns}'`);
  lines.push(
    `cd ${shellQuote(job.cwd)} || fail ${shellQuote(`the working directory ${job.cwd} is not there in the guest`)}`,
  );
  lines.push(`set -- ${job.command.map(shellQuote).join(' ')}`);
  return `${lines.join('\n')}\n`;
}
