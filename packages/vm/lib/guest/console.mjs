// SPDX-License-Identifier: MIT
// Reads a guest's console for signs that its kernel is not well: a test that passed on a kernel
// that printed a BUG has not passed. Each pattern says why it counts, each exception why it does
// not.

/** @typedef {{ pattern: RegExp, reason: string }} Rule */

/** @type {readonly Rule[]} */
export const SPLATS = [
  { pattern: /\bBUG:/, reason: 'the kernel found itself in a state that must not be' },
  { pattern: /kernel BUG at/, reason: 'an assertion of the kernel failed' },
  { pattern: /\bWARNING:/, reason: 'a check of the kernel failed' },
  { pattern: /\bOops\b/, reason: 'the kernel faulted' },
  { pattern: /(^|\] |: )general protection fault/, reason: 'the kernel faulted' },
  { pattern: /Kernel panic/, reason: 'the kernel gave up' },
  {
    pattern: /rcu.*(self-detected stall|detected stalls|stall on CPU|kthread starved)/i,
    reason: 'a CPU did not pass through the scheduler for long',
  },
  { pattern: /soft lockup|hard LOCKUP/i, reason: 'a CPU hung in the kernel' },
  { pattern: /INFO: task .* blocked for more than/, reason: 'a task hung in the kernel' },
  {
    pattern: /possible (circular|recursive|irq lock)/,
    reason: 'lockdep found an ordering that can deadlock',
  },
  { pattern: /\b(KASAN|KCSAN|KFENCE|UBSAN):/, reason: 'a sanitizer of the kernel found something' },
  { pattern: /refcount_t:/, reason: 'a reference counter went wrong' },
  { pattern: /Call Trace:/, reason: 'the kernel printed a backtrace' },
];

/** @type {readonly Rule[]} */
export const ALLOWED = [
  {
    pattern: /\b(Spectre|RETBleed|MDS|TAA|SRSO|VMSCAPE|ITS)\b.*WARNING:/,
    reason: 'about mitigations of the emulated CPU, which guards nothing here',
  },
  {
    pattern: /\] traps: .{1,15}\[\d+\]/,
    reason: 'a fault of a program, which the kernel only notes',
  },
  {
    pattern: /potentially unexpected fatal signal/,
    reason: 'a fault of a program, which the kernel only notes',
  },
  { pattern: /Command line:|Kernel command line:/, reason: 'an echo of our own options' },
];

/**
 * The lines of a console that say the kernel is not well, with the reason each.
 * @param {string} text
 * @param {{ splats?: readonly Rule[], allowed?: readonly Rule[] }} [rules]
 * @returns {{ line: string, reason: string }[]}
 */
export function scanConsole(text, { splats = SPLATS, allowed = ALLOWED } = {}) {
  /** @type {{ line: string, reason: string }[]} */
  const found = [];
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    const splat = splats.find((rule) => rule.pattern.test(line));
    if (splat === undefined || allowed.some((rule) => rule.pattern.test(line))) continue;
    found.push({ line, reason: splat.reason });
  }
  return found;
}

/**
 * The message for what {@link scanConsole} found.
 * @param {readonly { line: string, reason: string }[]} found
 * @returns {string}
 */
export function describeSplats(found) {
  const shown = found.slice(0, 10).map(({ line, reason }) => `  ${line}\n    (${reason})`);
  const more =
    found.length > shown.length ? `\n  and ${found.length - shown.length} lines more` : '';
  return `The guest's kernel complained, so whatever the command said cannot be relied on (--allow-splats to accept it):\n${shown.join('\n')}${more}`;
}

/**
 * What a guest may have died of, and what to do: a sentence with a space before it, or nothing.
 *
 * Linux patches its code under a breakpoint, and takes a breakpoint it knows nothing of for a
 * fault. QEMU may translate an instruction on one thread while another patches it, and then keeps
 * the breakpoint. With 7.2 that ended three guests of three in which trace events were switched on
 * and off for 40 s; it is reported for 8.0, too.
 * @param {string} console
 * @param {Pick<import('./qemu.mjs').Machine, 'accelerator' | 'icount' | 'roundRobin'>} machine
 * @returns {string}
 */
export function explainDeath(console, { accelerator, icount, roundRobin }) {
  if (accelerator !== 'tcg' || icount || roundRobin || !/\bint3: 0000\b/.test(console)) return '';
  return ' Its kernel ran into a breakpoint that it had taken away: older versions of QEMU emulate that wrongly; --round-robin avoids it.';
}
