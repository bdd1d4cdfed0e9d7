// SPDX-License-Identifier: MIT
/**
 * Who a thread is in the words of locks, and whether another one has ended. How that is known is up
 * to the host.
 */
import { currentHost } from '../../host/current.ts';
import type { Agent } from '../../host/port.ts';
import type { Attachment } from './attachment.ts';

/**
 * The calling thread, which withdraws its request while the kernel is asked: a system call ends an
 * extension, and on `rfc` the process.
 */
export function agentOf(attachment: Attachment): Agent {
  const { id, hasEnded } = currentHost().agent();
  return {
    id,
    hasEnded: (other) => {
      const paused = attachment.pause();
      const result = hasEnded(other);
      if (paused) attachment.resume();
      return result;
    },
  };
}
