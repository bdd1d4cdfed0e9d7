// SPDX-License-Identifier: MIT
// One QEMU from its start to its end: streams, deadlines, the conversation with the guest's init.
// Which kernel, which accelerator, and what to make of the console is decided in run-in-guest.mjs.

import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { explainDeath } from './console.mjs';
import { EndMarkerFilter } from './end-marker.mjs';
import { HarnessError } from './errors.mjs';
import { findCommand } from './packages.mjs';
import { qemuArguments, STREAM_DESCRIPTORS, TERMINAL_DESCRIPTOR } from './qemu.mjs';

/**
 * @typedef {object} Deadlines seconds
 * @property {number} firstByte until the console says anything
 * @property {number} init until the guest's init has its port open
 * @property {number} total until the command has ended, from the start of QEMU
 */

/** @typedef {'booting' | 'setting up' | 'running the command'} Phase */

/**
 * @typedef {object} GuestOutcome
 * @property {number} exitCode
 * @property {number | null} signal the number of the signal the command died of
 */

/**
 * @typedef {object} GuestOptions
 * @property {import('./qemu.mjs').Machine} machine
 * @property {string} marker
 * @property {Deadlines} deadlines
 * @property {(chunk: Buffer) => void} onStdout
 * @property {(chunk: Buffer) => void} onStderr
 * @property {() => void} onFirstByte
 * @property {((phase: Phase) => void) | undefined} onPhase
 * @property {AbortSignal | undefined} signal
 * @property {Terminal | undefined} [terminal]
 *
 * What the command has instead of streams of its own.
 * @typedef {object} Terminal
 * @property {import('node:stream').Readable} input what is typed
 * @property {(chunk: Buffer) => void} onOutput
 * @property {() => { rows: number, columns: number }} size
 * @property {(listener: () => void) => () => void} onResize gives what takes the listener back
 */

/** How long a guest that has told everything may take to power off before it is killed. */
const POWER_OFF_MS = 5_000;

/** @param {string} file @returns {string} */
export function readConsole(file) {
  try {
    // NUL bytes come from the boot loader's terminal handling and would make the tail unreadable.
    return readFileSync(file, 'latin1').replace(/[\0\r]/g, '');
  } catch {
    return '';
  }
}

/**
 * The messages of the guest's init, out of a byte stream.
 * @param {(word: string, rest: string) => void} onMessage
 * @returns {(chunk: Buffer) => void}
 */
export function messageReader(onMessage) {
  // A chunk may end in the middle of a character.
  const decoder = new StringDecoder('utf8');
  let partial = '';
  return (chunk) => {
    const lines = (partial + decoder.write(chunk)).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) {
      const [word = '', ...rest] = line.split(' ');
      onMessage(word, rest.join(' '));
    }
  };
}

/**
 * Passes on what is typed, and how large the window is.
 * @param {Terminal} terminal
 * @param {import('node:net').Socket} socket
 * @param {import('node:net').Socket} control
 * @returns {() => void} ends that
 */
function joinTerminal({ input, size, onResize }, socket, control) {
  const type = (/** @type {Buffer} */ chunk) => void socket.write(chunk);
  input.on('data', type);
  const stopResizing = onResize(() => {
    const { rows, columns } = size();
    control.write(`size ${rows} ${columns}\n`);
  });
  return () => {
    input.off('data', type);
    stopResizing();
  };
}

/**
 * @param {readonly string[]} args
 * @returns {[string, string[]]} a command that runs QEMU and takes it down with us, however we end
 */
function qemuCommand(args) {
  const qemu = 'qemu-system-x86_64';
  if (findCommand('setpriv') === null) return [qemu, [...args]];
  return ['setpriv', ['--pdeathsig', 'KILL', qemu, ...args]];
}

/**
 * Runs a guest to its end. Rejects with a HarnessError when there is no outcome.
 * @param {GuestOptions} options
 * @returns {Promise<GuestOutcome>}
 */
export async function runGuestProcess({
  machine,
  marker,
  deadlines,
  onStdout,
  onStderr,
  onFirstByte,
  onPhase,
  signal,
  terminal,
}) {
  const [command, args] = qemuCommand(qemuArguments(machine));
  // Sockets of our own instead of pipes: QEMU takes a connected socket by its number, and there is
  // no file to clean up.
  const pipes = Array.from({ length: terminal === undefined ? 5 : 6 }, () => 'pipe');
  const child = spawn(command, args, {
    stdio: ['ignore', .../** @type {import('node:child_process').StdioPipe[]} */ (pipes)],
  });
  const socket = (/** @type {number} */ descriptor) =>
    /** @type {import('node:net').Socket} */ (
      /** @type {readonly unknown[]} */ (child.stdio)[descriptor]
    );
  const stream = (/** @type {keyof typeof STREAM_DESCRIPTORS} */ name) =>
    socket(STREAM_DESCRIPTORS[name]);

  let qemuSays = '';
  const listen = (/** @type {Buffer} */ chunk) =>
    void (qemuSays = (qemuSays + chunk.toString('utf8')).slice(-4000));
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);

  /** @type {NodeJS.Timeout[]} */
  const timers = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let watch;
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = new Promise((resolve) => child.once('close', resolve));
  /** @type {(() => void) | undefined} */
  let onAbort;
  /** @type {(() => void) | undefined} */
  let leaveTerminal;

  try {
    const outcome = await new Promise(
      (/** @type {(outcome: GuestOutcome) => void} */ resolve, reject) => {
        const fail = (
          /** @type {import('./errors.mjs').FailureKind} */ kind,
          /** @type {string} */ message,
        ) => reject(new HarnessError(kind, message, { console: readConsole(machine.console) }));
        /** @type {Phase} */
        let phase = 'booting';
        const enter = (/** @type {Phase} */ next) => {
          phase = next;
          onPhase?.(next);
        };
        enter('booting');
        /** @type {GuestOutcome | undefined} */
        let ended;

        const settle = () => {
          if (ended !== undefined && filters.every((filter) => filter.ended)) resolve(ended);
        };
        const out = new EndMarkerFilter(marker, onStdout);
        const err = new EndMarkerFilter(marker, onStderr);
        const filters = [out, err];
        const listenTo = (
          /** @type {import('node:net').Socket} */ from,
          /** @type {EndMarkerFilter} */ filter,
        ) => {
          from.on('error', () => {}); // QEMU's end says what happened
          from.on('data', (chunk) => {
            filter.push(chunk);
            settle();
          });
        };
        listenTo(stream('stdout'), out);
        listenTo(stream('stderr'), err);
        if (terminal !== undefined) {
          const shown = new EndMarkerFilter(marker, terminal.onOutput);
          filters.push(shown);
          listenTo(socket(TERMINAL_DESCRIPTOR), shown);
          leaveTerminal = joinTerminal(terminal, socket(TERMINAL_DESCRIPTOR), stream('control'));
        }

        stream('control').on('error', () => {});
        stream('control').on(
          'data',
          messageReader((word, rest) => {
            if (word === 'init') enter('setting up');
            else if (word === 'run') enter('running the command');
            else if (word === 'fail') fail('init', `The guest could not be set up: ${rest}.`);
            else if (word === 'exit') ended = { exitCode: Number(rest), signal: null };
            else if (word === 'signal')
              ended = { exitCode: 128 + Number(rest), signal: Number(rest) };
            else
              fail(
                'init',
                `The guest's init said '${word} ${rest}', which means nothing to this harness.`,
              );
            settle();
          }),
        );

        child.once('error', (error) => fail('setup', `QEMU does not start: ${error.message}`));
        child.once('close', (code, how) => {
          // Whatever came before a failure may help to understand it.
          for (const filter of filters) filter.flush();
          const kind = phase === 'booting' ? 'boot' : 'died';
          const said = qemuSays.trim() === '' ? '' : ` QEMU said: ${qemuSays.trim()}`;
          const why = explainDeath(readConsole(machine.console), machine);
          fail(
            kind,
            `The guest ended (QEMU: ${how ?? `exit code ${code}`}) while ${phase}, without an exit code.${said}${why}`,
          );
        });

        let heard = false;
        watch = setInterval(() => {
          if (heard || (statSync(machine.console, { throwIfNoEntry: false })?.size ?? 0) === 0)
            return;
          heard = true;
          onFirstByte();
        }, 50);
        const deadline = (/** @type {number} */ seconds, /** @type {() => void} */ action) =>
          timers.push(setTimeout(action, seconds * 1000));
        deadline(deadlines.firstByte, () => {
          if (!heard)
            fail(
              'boot',
              `The guest's kernel printed nothing within ${deadlines.firstByte} s under ${machine.accelerator}.`,
            );
        });
        deadline(deadlines.init, () => {
          if (phase === 'booting')
            fail(
              'boot',
              `The guest did not come up within ${deadlines.init} s under ${machine.accelerator}.`,
            );
        });
        deadline(deadlines.total, () => {
          const partly = ended === undefined ? phase : 'sending its output';
          fail('timeout', `The guest was still ${partly} after ${deadlines.total} s (--timeout).`);
        });
        onAbort = () => fail('interrupted', 'Interrupted.');
        if (signal?.aborted === true) onAbort();
        signal?.addEventListener('abort', onAbort, { once: true });
      },
    );
    stream('control').write('off\n');
    timers.push(setTimeout(kill, POWER_OFF_MS));
    await closed;
    return outcome;
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    clearInterval(watch);
    leaveTerminal?.();
    kill();
    await closed;
    for (const timer of timers) clearTimeout(timer);
    process.removeListener('exit', kill);
  }
}
