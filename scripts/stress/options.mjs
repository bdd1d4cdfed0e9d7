// SPDX-License-Identifier: MIT
// The command line of the stress run: its options, its help, and the command that repeats a run.

import { parseArgs } from 'node:util';

export const LOCKS = ['mutex', 'spin', 'rw', 'semaphore', 'condition', 'barrier', 'queue'];
/** Mistakes that workers can make, see `planted.mjs`. */
export const PLANTED = ['lost-wake'];
const MOST_WORKERS = 40;

export const HELP = `Lets workers use locks in every way while they are ended at random, and checks the history of what they did.

  node scripts/stress/main.mjs [options]

  --seconds S     how long, up to 86400  (60)
  --workers N     how many at a time, 2 to ${MOST_WORKERS}  (8)
  --lock NAME     ${LOCKS.join(', ')}; or all, in turns by the same workers  (all)
  --kills N       workers ended in a second, on average; every third second none is  (6)
  --seed N        of the random choices; when the threads run is still up to the machine  (random)
  --no-addon      without the native addon: all waiters sleep in the engine
  --patience N    takes for a hang what lasts N times as long as usual; for slow machines  (1; in the guest 10)
  --json FILE     a record of the run
  --plant NAME    a mistake that workers make on purpose, which must be found: ${PLANTED.join(', ')}
  --help          this text

Checked are: never more holders than the lock allows; after a death with the lock exactly one is told that it was
abandoned, of an RwLock all readers until the next writer and that writer, and nobody without a death; the guarded data;
that tries get what nobody can hold; that a lock which is free and waited for does not stand still for 100 ms; that a
wanted lock is got by someone within 2 s, and by whoever waits within 10 s; that nobody waits for longer than its turns
take, many times over; notifications; and that in the end everything ends and is free. Of a barrier: all of a generation
pass or none, it breaks for a cause only, and who arrived earlier is not kept for 100 ms after one that came later. Of
queues: no record is lost or popped twice, or before one pushed earlier; and nobody waits for 100 ms where there is a
record, or room.

Excused are: time in which threads that ask had no CPU, by the kernel's count where it has one; 55 ms after a death; and
250 ms of a lock that is kept for waiters which may be dead. Waits beside a death, or an event loop that did not come
round within 10 ms, are not held to the time of their turns.

Exit codes: 0 all was right; 1 it was not; 2 wrong usage; 130 interrupted.
`;

/**
 * @param {string} name
 * @param {string} value
 * @param {number} min
 * @param {number} max
 * @param {boolean} [whole]
 */
function readNumber(name, value, min, max, whole = true) {
  const number = Number(value);
  if (value.trim() !== '' && number >= min && number <= max && (!whole || Number.isInteger(number)))
    return number;
  throw new Error(
    `--${name} wants a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not '${value}'.`,
  );
}

/**
 * @param {readonly string[]} args
 * @param {boolean} isGuest
 * @returns null: only help is wanted
 */
export function readOptions(args, isGuest = false) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      workers: { type: 'string', default: '8' },
      lock: { type: 'string', default: 'all' },
      kills: { type: 'string', default: '6' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      'no-addon': { type: 'boolean', default: false },
      patience: { type: 'string', default: isGuest ? '10' : '1' },
      json: { type: 'string' },
      plant: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  if (values.lock !== 'all' && !LOCKS.includes(values.lock))
    throw new Error(`--lock knows ${LOCKS.join(', ')} and all, not '${values.lock}'.`);
  if (values.plant !== undefined && !PLANTED.includes(values.plant))
    throw new Error(`--plant knows ${PLANTED.join(', ')}, not '${values.plant}'.`);
  return {
    seconds: readNumber('seconds', values.seconds, 0.1, 86_400, false),
    workers: readNumber('workers', values.workers, 2, MOST_WORKERS),
    kills: readNumber('kills', values.kills, 0, 100, false),
    seed: readNumber('seed', values.seed, 0, 2 ** 32 - 1),
    patience: readNumber('patience', values.patience, 0.1, 1000, false),
    lock: values.lock,
    kinds: values.lock === 'all' ? LOCKS : [values.lock],
    noAddon: values['no-addon'],
    json: values.json,
    plant: values.plant,
  };
}

/** @typedef {NonNullable<ReturnType<typeof readOptions>>} Options */

/** @param {Options} options */
export function replayCommand({ seconds, workers, lock, kills, seed, noAddon, patience, plant }) {
  const addon = `${noAddon ? ' --no-addon' : ''}${plant === undefined ? '' : ` --plant ${plant}`}`;
  const length = `--seconds ${seconds} --workers ${workers} --lock ${lock} --kills ${kills}`;
  return `node scripts/stress/main.mjs ${length} --seed ${seed} --patience ${patience}${addon}`;
}
