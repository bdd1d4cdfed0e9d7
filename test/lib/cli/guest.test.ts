// SPDX-License-Identifier: MIT
/** Whether a system is a guest: what files told on real ones. */
import { expect, it } from 'vitest';
import { describeGuest, findGuest } from '../../../lib/cli/guest.ts';

const CLOCKS = '/sys/devices/system/clocksource/clocksource0/available_clocksource';
const VENDOR = '/sys/class/dmi/id/sys_vendor';
const FLAGS = 'flags\t\t: fpu vme de sse2 hypervisor lahf_lm\n';

const find = (files: Readonly<Record<string, string>>, isOurs = false) => {
  const guest = findGuest((path) => files[path] ?? '', isOurs);
  return guest === null ? null : describeGuest(guest);
};

it.each([
  [
    'a machine',
    {
      '/proc/cpuinfo': 'model name\t: AMD EPYC 7713\nflags\t\t: fpu sse2\n',
      [VENDOR]: 'Amazon EC2\n',
    },
    null,
  ],
  ['nothing that can be read', {}, null],
  [
    'one with KVM',
    { '/proc/cpuinfo': `model name\t: AMD EPYC\n${FLAGS}`, [CLOCKS]: 'tsc kvm-clock \n' },
    'guest (KVM)',
  ],
  [
    'one of QEMU without KVM',
    {
      '/proc/cpuinfo': `model name\t: QEMU TCG CPU version 2.5+\n${FLAGS}`,
      [CLOCKS]: 'tsc hpet acpi_pm \n',
    },
    'guest (QEMU, emulated)',
  ],
  [
    'one of QEMU with KVM under its own name',
    {
      '/proc/cpuinfo': `model name\t: QEMU Virtual CPU version 2.5+\n${FLAGS}`,
      [CLOCKS]: 'kvm-clock tsc \n',
    },
    'guest (KVM)',
  ],
  [
    'one of VMware',
    { '/proc/cpuinfo': `model name\t: Intel(R) Xeon(R)\n${FLAGS}`, [VENDOR]: 'VMware, Inc.\n' },
    'guest (VMware)',
  ],
  [
    'one that does not say whose',
    { '/proc/cpuinfo': `model name\t: Intel(R) Xeon(R)\n${FLAGS}` },
    'guest',
  ],
  [
    'one with another CPU',
    {
      '/proc/cpuinfo': 'processor\t: 0\nCPU part\t: 0xd0c\n',
      '/proc/device-tree/hypervisor/compatible': 'linux,kvm\0',
    },
    'guest (KVM)',
  ],
  [
    'another CPU that is none',
    { '/proc/cpuinfo': 'processor\t: 0\nCPU part\t: 0xd0c\n', [VENDOR]: 'Amazon EC2\n' },
    null,
  ],
])('knows %s', (_, files, guest) => {
  expect(find(files)).toBe(guest);
});

it("believes the project's own guests", () => {
  expect(find({}, true)).toBe('guest');
});
