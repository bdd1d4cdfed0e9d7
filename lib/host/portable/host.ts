// SPDX-License-Identifier: MIT
/** The port without the addon: what Node and the engine have by themselves. */
import { currentAgent } from '../agent.ts';
import type { AddonStatus } from '../linux/binding.ts';
import { describeAddon } from '../status.ts';
import type { Status } from '../status.ts';
import type {
  Agent,
  Bed,
  Host,
  HostOptions,
  HostThread,
  Sleeping,
  ThreadIds,
  Wake,
} from '../port.ts';
import { PortableIds } from './ids.ts';
import { PortableHostThread } from './thread.ts';

export class PortableHost implements Host {
  readonly sleeping: Sleeping = new EngineSleeping();
  readonly ids: ThreadIds = new PortableIds();
  readonly #addon: () => AddonStatus;

  /**
   * @param addon why it is not there, or what is there and not wanted: it is not asked for, and
   * loaded, before someone wants to know
   */
  constructor(addon: () => AddonStatus) {
    this.#addon = addon;
  }

  get addon(): AddonStatus {
    return this.#addon();
  }

  get status(): Status {
    return describeAddon(this.addon);
  }

  attach({ abiVersion }: HostOptions): HostThread {
    return new PortableHostThread(abiVersion === 'auto' ? 'mainline' : abiVersion);
  }

  probe(): null {
    return null;
  }

  cInterface(): null {
    return null;
  }

  agent(): Agent {
    return currentAgent();
  }

  mapFile(): null {
    return null;
  }
}

/** A word that nobody changes, and ms: the kernel makes it about 0.06. */
const NOBODYS = new Int32Array(new SharedArrayBuffer(4));
const SHORTEST = 0.001;

const WAKES = { ok: 'called', 'not-equal': 'changed', 'timed-out': 'timed out' } as const;

class EngineSleeping implements Sleeping {
  sleep({ words, sleepers }: Bed, index: number, expected: number, ms: number): Wake {
    Atomics.add(words, sleepers, 1);
    const wake = Atomics.wait(words, index, expected, ms);
    Atomics.sub(words, sleepers, 1);
    return WAKES[wake];
  }

  wake({ words }: Bed, index: number, count: number): number {
    return Atomics.notify(words, index, count);
  }

  yield(): void {
    Atomics.wait(NOBODYS, 0, 0, SHORTEST);
  }
}
