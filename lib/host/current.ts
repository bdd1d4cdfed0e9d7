// SPDX-License-Identifier: MIT
/** Which host the calling thread has: found out once, when it is first asked for. */
import { loadAddon } from './linux/binding.ts';
import { LinuxHost } from './linux/host.ts';
import type { Host } from './port.ts';
import { PortableHost } from './portable/host.ts';

let current: Host | undefined;
let fake: Host | undefined;
let portable: PortableHost | undefined;

/** Linux where the addon is, else the portable one. */
export function currentHost(): Host {
  if (fake !== undefined) return fake;
  if (current === undefined) {
    const addon = loadAddon();
    current =
      addon.state === 'loaded'
        ? new LinuxHost(addon, addon.binding)
        : new PortableHost(() => addon);
  }
  return current;
}

/** The one that serves where slices are not wanted or not available. */
export function portableHost(): Host {
  portable ??= new PortableHost(() => currentHost().addon);
  return portable;
}

/**
 * For tests. What was made with another host before keeps it.
 * @param host undefined: the real one
 */
export function useHost(host: Host | undefined): void {
  fake = host;
}
