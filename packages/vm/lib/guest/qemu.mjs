// SPDX-License-Identifier: MIT
// QEMU's command line, one small pure function for each group of arguments. Nothing here touches
// the machine.

/** @typedef {'kvm' | 'tcg'} Accelerator */

/**
 * @typedef {object} Machine
 * @property {Accelerator} accelerator
 * @property {number} cpus
 * @property {number} memory MB
 * @property {boolean} icount
 * @property {boolean} roundRobin emulated CPUs take turns instead of having a thread each
 * @property {string} kernel
 * @property {string} append extra kernel command line
 * @property {string} root host folder that is the guest's /
 * @property {string} harness host folder with the guest's init
 * @property {string} job host folder the guest may write to
 * @property {string} console file
 * @property {boolean} privileged whether QEMU runs as root
 * @property {boolean} [terminal] whether the guest has one, as /dev/hvc0
 */

/** File descriptors QEMU inherits, one connected socket a stream. */
export const STREAM_DESCRIPTORS = /** @type {const} */ ({ stdout: 3, stderr: 4, control: 5 });

/** Of the terminal, where there is one. */
export const TERMINAL_DESCRIPTOR = 6;

/**
 * @param {string} value
 * @returns {string} a value inside a QEMU option, where a comma is written twice
 */
export function optionValue(value) {
  return value.replaceAll(',', ',,');
}

/** @returns {string[]} */
export function machineArguments() {
  return [
    '-no-user-config',
    '-nodefaults',
    '-machine',
    'q35',
    '-display',
    'none',
    '-monitor',
    'none',
    '-no-reboot',
  ];
}

/**
 * With an instruction count, guest time follows the guest's own instructions, so there can only be
 * one CPU.
 * @param {Pick<Machine, 'accelerator' | 'icount' | 'roundRobin' | 'cpus'>} machine
 * @returns {string[]}
 */
export function cpuArguments({ accelerator, icount, roundRobin, cpus }) {
  if (icount)
    return [
      '-accel',
      'tcg,thread=single',
      '-icount',
      'shift=0,sleep=off',
      '-cpu',
      'max',
      '-smp',
      '1',
    ];
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host', '-smp', String(cpus)];
  return [
    '-accel',
    `tcg,thread=${roundRobin ? 'single' : 'multi'}`,
    '-cpu',
    'max',
    '-smp',
    String(cpus),
  ];
}

/** @param {number} memory MB @returns {string[]} */
export function memoryArguments(memory) {
  return ['-m', `${memory}M`];
}

/**
 * @param {string} tag
 * @param {string} path
 * @param {{ readonly: boolean, privileged: boolean }} options
 * @returns {string[]}
 */
export function shareArguments(tag, path, { readonly, privileged }) {
  // Only root can give files to other owners; 'none' is the same without insisting on it.
  const model = privileged ? 'passthrough' : 'none';
  const options = [
    `local`,
    `id=${tag}`,
    `path=${optionValue(path)}`,
    `security_model=${model}`,
    'multidevs=remap',
  ];
  if (readonly) options.push('readonly=on');
  return ['-fsdev', options.join(','), '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`];
}

/** @param {string} file @returns {string[]} */
export function consoleArguments(file) {
  return ['-chardev', `file,id=console,path=${optionValue(file)}`, '-serial', 'chardev:console'];
}

/**
 * A port each for the streams: they stay apart and byte-exact, and the console cannot mix in.
 * @param {boolean} [hasTerminal]
 * @returns {string[]}
 */
export function streamArguments(hasTerminal = false) {
  const terminal = [
    '-chardev',
    `socket,id=terminal,fd=${TERMINAL_DESCRIPTOR}`,
    '-device',
    'virtconsole,chardev=terminal',
  ];
  const ports = Object.entries(STREAM_DESCRIPTORS).flatMap(([name, descriptor]) => [
    '-chardev',
    `socket,id=${name},fd=${descriptor}`,
    '-device',
    `virtserialport,chardev=${name},name=rseq-slice.${name}`,
  ]);
  // The device's first port is kept for a console.
  return ['-device', 'virtio-serial-pci', ...(hasTerminal ? terminal : []), ...ports];
}

/**
 * What runs as the guest's first process: fetch the real init from the harness's folder, so that
 * any root file system with a shell and mount will do, whether it has this checkout in it or not.
 */
const BOOTSTRAP = [
  'mount -t tmpfs -o mode=755 tmpfs /run',
  'mkdir /run/rseq-slice',
  'mount -t 9p -o ro,trans=virtio,version=9p2000.L harness /run/rseq-slice',
  'exec /bin/sh /run/rseq-slice/init.sh',
].join('; ');

/** @param {Pick<Machine, 'append' | 'icount'>} machine @returns {string} */
export function kernelCommandLine({ append, icount }) {
  const parts = [
    'console=ttyS0 earlyprintk=serial,ttyS0',
    // A panic ends the guest at once instead of leaving it to a deadline.
    'panic=-1',
    'root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=524288,cache=loose ro',
    // Without a disk or a network there is little else to seed the random numbers that node waits
    // for.
    'random.trust_cpu=1',
    // On a host too busy to emulate ten ticks in time, the kernel would take its timer for broken
    // and panic.
    'no_timer_check',
    // Counted time jumps to the next timer when the guest is idle. Waiting for a file, with nothing
    // due but far away, it was seen to jump by half a day, past every deadline; the tick is always
    // near.
    icount ? 'nohz=off' : '',
    append,
    `init=/bin/sh -- -c "${BOOTSTRAP}"`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** @param {Pick<Machine, 'kernel' | 'append' | 'icount'>} machine @returns {string[]} */
export function kernelArguments(machine) {
  return ['-kernel', machine.kernel, '-append', kernelCommandLine(machine)];
}

/** @param {Machine} machine @returns {string[]} */
export function qemuArguments(machine) {
  const { privileged } = machine;
  return [
    ...machineArguments(),
    ...cpuArguments(machine),
    ...memoryArguments(machine.memory),
    ...shareArguments('root', machine.root, { readonly: true, privileged }),
    ...shareArguments('harness', machine.harness, { readonly: true, privileged }),
    ...shareArguments('job', machine.job, { readonly: false, privileged }),
    ...consoleArguments(machine.console),
    ...streamArguments(machine.terminal),
    ...kernelArguments(machine),
  ];
}
