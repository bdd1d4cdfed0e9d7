// SPDX-License-Identifier: MIT
// Whether other users of rseq got on with the library as they should in an environment: who shares
// an area, who is left alone and why, that no update is lost, nobody spins for ever and no process
// ends before its time.

import { judgePlace } from './judge.mjs';

/** @typedef {import('./judge.mjs').Check} Check */

/**
 * @typedef {object} Neighbour
 * @property {string} name
 * @property {string} text what became of it, for a table
 *
 * What one scenario of test/kernel/guest/neighbours.mjs found.
 * @typedef {object} Found
 * @property {string} attached the registration that attach() ended in, or why not
 * @property
 * {readonly { phase: string, asked: number, committed: number, lost: number, yielded: number }[]}
 * [phases]
 * @property {readonly string[]} [modes] of an allocator with areas of its own, in the order of its
 * threads
 * @property {readonly string[]} [owners] of the main thread's area
 * @property {readonly (readonly string[])[]} [workers] of the workers' areas: before, while and
 * after they were attached
 * @property {string} [copy] what another copy of the package got
 * @property {number} [yielded]
 * @property {number} [later] yielded by the other copy when the first had detached
 * @property {string} [owner] in the end
 * @property {boolean} [isLoaded] whether what was to be preloaded was
 *
 * @typedef {{ name: string, status: number | null, signal: string | null, stderr: string,
 *   found?: Found }}
 * Result
 * @typedef {{ place: Parameters<typeof judgePlace>[0], area: boolean, results: readonly Result[],
 *   skipped: readonly string[] }}
 * Report
 */

const FOREIGN_USE = 'left alone: foreign-use';
const FOREIGN_REGISTRATION = 'left alone: foreign-registration';

/**
 * What attach() must end in, by what it ends in where nobody else uses rseq. @type
 * {Readonly<Record<string, Readonly<Record<string, string>>>>}
 */
const ATTACHED = {
  replace: { sequences: FOREIGN_USE, 'areas of its own, before': FOREIGN_USE },
  libc: {},
  own: { 'areas of its own, before': FOREIGN_REGISTRATION },
};

/** Who owns an area when nobody is attached, and when the library is. */
const OWNERS = {
  replace: { idle: 'libc', attached: 'rseq-slice' },
  libc: { idle: 'libc', attached: 'libc' },
  own: { idle: 'nobody', attached: 'rseq-slice' },
};

/** @param {number} value */
const count = (value) => value.toLocaleString('en');

/** @param {Found} found @param {'replace' | 'libc' | 'own'} registration @returns {Check[]} */
function judgeFound(found, registration) {
  const { phases = [], modes = [], owners = [], workers = [] } = found;
  const { idle, attached } = OWNERS[registration];
  // Where libc registers the areas, an allocator's first thread is refused, and it does without for
  // good.
  const mode = registration === 'own' ? 'with' : 'without';
  const isShared = registration === 'libc';
  return [
    ...phases.map(({ phase, asked, committed, lost }) => ({
      name: `${phase}: all are committed, and none is lost`,
      ok: committed === asked && lost === 0,
      detail: `${count(committed)} of ${count(asked)}, ${count(lost)} lost`,
    })),
    ...(modes.length === 0
      ? []
      : [
          {
            name: `the allocator is ${mode} areas in all threads`,
            ok: modes.every((one) => one === mode),
            detail: modes.join(),
          },
        ]),
    ...(owners.length === 0
      ? []
      : [
          {
            name: 'who only makes a lock is not attached',
            ok: owners.every((owner) => owner === idle),
            detail: owners.join(),
          },
          {
            name: 'workers are given back as they were found',
            ok:
              workers.length === 8 &&
              workers.every((one) => one.join() === [idle, attached, idle].join()),
            detail: JSON.stringify(workers),
          },
        ]),
    ...(found.copy === undefined
      ? []
      : [
          {
            name: 'the other copy shares the area, or leaves it',
            ok: found.copy === (isShared ? 'libc' : FOREIGN_REGISTRATION),
            detail: found.copy,
          },
          {
            name: 'the first one yields',
            ok: (found.yielded ?? 0) > 0,
            detail: String(found.yielded),
          },
          {
            name: 'the other goes on when the first has detached',
            ok: isShared ? (found.later ?? 0) > 0 : found.later === 0,
            detail: String(found.later),
          },
          { name: 'the thread is given back', ok: found.owner === idle, detail: found.owner ?? '' },
        ]),
    ...(found.isLoaded === undefined
      ? []
      : [
          { name: 'it is loaded', ok: found.isLoaded },
          { name: 'some are yielded', ok: (found.yielded ?? 0) > 0, detail: String(found.yielded) },
        ]),
  ];
}

/** @param {Found} found @returns {string} */
function describe({ attached, phases, modes, copy, yielded, later, workers }) {
  const parts = [attached];
  if (phases !== undefined) {
    const [asked = 0, lost = 0, some = 0] = ['asked', 'lost', 'yielded'].map((key) =>
      phases.reduce((sum, phase) => sum + Number(phase[/** @type {'asked'} */ (key)]), 0),
    );
    parts.push(`${count(asked)} operations, ${count(lost)} lost`);
    if (some > 0) parts.push(`${count(some)} yielded`);
  }
  if (modes !== undefined) parts.push(`${[...new Set(modes)].join(' and ')} areas, no abort`);
  if (workers !== undefined)
    parts.push([...new Set(workers.map((one) => one.join(' → ')))].join('; '));
  if (copy !== undefined) parts.push(`the other copy ${copy}`);
  if (yielded !== undefined)
    parts.push(
      `${count(yielded)} yielded${later === undefined || later === 0 ? '' : `, then ${count(later)}`}`,
    );
  return parts.join('; ');
}

/**
 * @param {Report} report
 * @param {import('./judge.mjs').Expectation} expected
 * @returns {{ checks: Check[], neighbours: Neighbour[] }}
 */
export function judgeNeighbours({ place, area, results, skipped }, expected) {
  const registration = /** @type {'replace' | 'libc' | 'own'} */ (expected.registration);
  const checks = [
    ...judgePlace(place, expected),
    {
      name: registration === 'own' ? 'libc registers nothing' : 'libc registers areas',
      ok: area === (registration !== 'own'),
    },
    ...results.flatMap(({ name, status, signal, stderr, found }) => {
      const ended = {
        name: `${name}: it ends by itself`,
        ok: status === 0 && signal === null,
        detail: `exit code ${status}, signal ${signal ?? 'none'}: ${stderr.trim()}`,
      };
      if (found === undefined) return [ended];
      const wanted = ATTACHED[registration]?.[name] ?? registration;
      const own = {
        name: `attached is ${wanted}`,
        ok: found.attached === wanted,
        detail: found.attached,
      };
      return [
        ended,
        ...[own, ...judgeFound(found, registration)].map((check) => ({
          ...check,
          name: `${name}: ${check.name}`,
        })),
      ];
    }),
  ];
  const neighbours = [
    ...results.map(({ name, status, signal, found }) => ({
      name,
      text: found === undefined ? `ended by ${signal ?? `exit code ${status}`}` : describe(found),
    })),
    ...skipped.map((text) => ({
      name: text.replace(/:.*/, ', preloaded'),
      text: `not tried${text.replace(/^[^:]*/, '')}`,
    })),
  ];
  return { checks, neighbours };
}
