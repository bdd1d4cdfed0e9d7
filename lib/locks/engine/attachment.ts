// SPDX-License-Identifier: MIT
/**
 * The calling thread, attached when a lock needs a section for the first time. A
 * thread that only makes a lock and hands its handle on has none, nor has one
 * that waits in its event loop alone, and to attach it could cost more than
 * time: where libc's area must be replaced, threads that it creates begin
 * without one.
 */
import { attach, currentAttachment } from '../../attach.ts';
import type { Thread } from '../../sections/thread.ts';

export class Attachment {
  /**
   * Attached by the first look. An own property from then on, written once: see `Thread.word`.
   * @throws {RseqSliceError} as `attach()`.
   */
  declare readonly thread: Thread;

  /** @param thread default: that of `attach()` */
  constructor(thread?: Thread) {
    if (thread !== undefined) keep(this, thread);
  }

  /** The thread, if it is attached, by us or by someone else. */
  get present(): Thread | null {
    return Object.hasOwn(this, 'thread') ? this.thread : (currentAttachment()?.thread ?? null);
  }

  /** As {@link Thread.pause}: a thread that is not attached is in no section. */
  pause(): boolean {
    return this.present?.pause() === true;
  }

  /** As {@link Thread.resume}. */
  resume(): void {
    this.present?.resume();
  }
}

Object.defineProperty(Attachment.prototype, 'thread', {
  get(this: Attachment): Thread {
    const thread = attach();
    thread.hold();
    return keep(this, thread);
  },
});

function keep(attachment: Attachment, value: Thread): Thread {
  Object.defineProperty(attachment, 'thread', { value });
  return value;
}
