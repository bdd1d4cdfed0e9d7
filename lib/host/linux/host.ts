// SPDX-License-Identifier: MIT
/** The port over the addon. */
import { constants } from 'node:os';
import { currentAgent } from '../agent.ts';
import type { Agent, Bed, Host, HostOptions, HostThread, Sleeping, Wake } from '../port.ts';
import type { AddonStatus, Binding, RawProbe } from './binding.ts';
import { AreaIds } from './ids.ts';
import { AVAILABLE } from '../status.ts';
import type { Status } from '../status.ts';
import { LinuxHostThread } from './thread.ts';

/** Every registration, every ABI version. */
const ANY = 0;
const { ETIMEDOUT } = constants.errno;
/** The most that a call can wake. */
const EVERYBODY = 0x7fff_ffff;

export class LinuxHost implements Host {
  readonly status: Status = AVAILABLE;
  readonly addon: AddonStatus;
  readonly sleeping: Sleeping;
  readonly ids: AreaIds;
  readonly #binding: Binding;

  constructor(addon: AddonStatus, binding: Binding) {
    this.addon = addon;
    this.ids = new AreaIds(binding);
    this.#binding = binding;
    this.sleeping = new Futex(binding);
  }

  attach(options: HostOptions): HostThread | Status {
    return LinuxHostThread.attach(this.#binding, this.ids, options);
  }

  probe(): RawProbe {
    return this.#binding.probe(ANY, ANY);
  }

  cInterface(): unknown {
    return this.#binding.nativeApi();
  }

  agent(): Agent {
    return currentAgent();
  }

  mapFile(file: number, bytes: number): ArrayBuffer | null {
    const mapped = this.#binding.mapFile(file, bytes);
    return typeof mapped === 'number' ? null : mapped;
  }
}

/**
 * In the kernel: engines' own sleepers, those of copies of this package without the addon, hear
 * `Atomics.notify` only.
 */
class Futex implements Sleeping {
  readonly #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  sleep({ words }: Bed, index: number, expected: number, ms: number): Wake {
    const error = this.#binding.futexWait(words, index, expected, ms);
    return error === 0 ? 'called' : error === ETIMEDOUT ? 'timed out' : 'changed';
  }

  wake({ words, sleepers }: Bed, index: number, count: number): number {
    const woken = Math.max(0, this.#binding.futexWake(words, index, Math.min(count, EVERYBODY)));
    if (woken >= count || Atomics.load(words, sleepers) <= 0) return woken;
    return woken + Atomics.notify(words, index, count - woken);
  }

  yield(): void {
    this.#binding.schedYield();
  }
}
