// SPDX-License-Identifier: MIT
// Reads kernel configurations and holds what came out against what was asked for. Kconfig drops an
// option whose dependencies are not met without a word; a kernel without the one we came for would
// then fail much later, in a guest.

/**
 * The options of a `.config` or a fragment: name to value. `# CONFIG_X is not set` counts as `n`.
 * @param {string} text
 * @returns {Map<string, string>}
 */
export function parseConfig(text) {
  /** @type {Map<string, string>} */
  const options = new Map();
  for (const line of text.split('\n')) {
    const set = /^(CONFIG_\w+)=(.*)$/.exec(line.trim());
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line.trim());
    if (set?.[1] !== undefined && set[2] !== undefined) options.set(set[1], set[2]);
    else if (unset?.[1] !== undefined) options.set(unset[1], 'n');
  }
  return options;
}

/**
 * What was asked for and did not come out that way, one sentence-like line each. An option that was
 * asked to be off and came out on is no matter: another one needs it, and it costs only time.
 * @param {string} asked the fragment
 * @param {string} got the final .config
 * @returns {string[]}
 */
export function missingOptions(asked, got) {
  const result = parseConfig(got);
  /** @type {string[]} */
  const missing = [];
  for (const [name, value] of parseConfig(asked)) {
    const actual = result.get(name) ?? 'n';
    if (value !== 'n' && actual !== value)
      missing.push(`${name}: asked for ${value}, got ${actual}`);
  }
  return missing;
}
