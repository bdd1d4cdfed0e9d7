// SPDX-License-Identifier: MIT
/** The libc is found in what is mapped, and tells its version as glibc prints it. */
import { describe, expect, it } from 'vitest';
import { findGlibc, libcKind, versionOf } from '../../../../lib/host/linux/libc.ts';

const row = (path: string): string =>
  `7f1071b21000-7f1071b47000 r--p 00000000 fe:00 339380    ${path}\n`;
const OTHERS = [
  '55f0c0000000-55f0c1000000 r-xp 00000000 fe:00 1    /usr/bin/node\n',
  '7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0    [stack]\n',
  '7f1071b21000-7f1071b47000 rw-p 00000000 00:00 0 \n',
].join('');

describe('glibc is found', () => {
  it.each([
    '/usr/lib/x86_64-linux-gnu/libc.so.6',
    '/lib64/libc-2.28.so',
    '/nix/store/abc-glibc-2.39-52/lib/libc.so.6',
    '/opt/some where/libc.so.6',
    '/lib/alpha-linux-gnu/libc.so.6.1',
  ])('as %s', (path) => {
    expect(
      findGlibc(
        `${OTHERS}${row('/usr/lib/libcrypto.so.3')}${row(path)}${row('/usr/lib/libm.so.6')}`,
      ),
    ).toBe(path);
  });

  it.each([
    '/lib/ld-musl-x86_64.so.1',
    '/usr/lib/libc.musl-x86_64.so.1',
    '/usr/lib/libcap.so.2',
    '/usr/lib/libc.so.6 (deleted)',
    '/system/lib64/libc.so',
    '/home/me/libc-client.so',
  ])('not in %s', (path) => {
    expect(findGlibc(`${OTHERS}${row(path)}`)).toBeNull();
  });
});

it('of the process decides whose addon fits, and not what else is installed', () => {
  expect(libcKind(`${OTHERS}${row('/usr/lib/x86_64-linux-gnu/libc.so.6')}`)).toBe('glibc');
  expect(libcKind(`${OTHERS}${row('/lib/ld-musl-x86_64.so.1')}`)).toBe('musl');
  expect(libcKind(`${OTHERS}${row('/usr/lib/libc.musl-aarch64.so.1')}`)).toBe('musl');
  expect(libcKind(`${OTHERS}${row('/usr/lib/libmusl-helper.so')}`)).toBeNull();
  expect(libcKind('')).toBeNull();
});

describe('the version', () => {
  it.each([
    [
      'GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\nCopyright',
      '2.36',
    ],
    ['GNU C Library (Ubuntu GLIBC 2.35-0ubuntu3.8) stable release version 2.35.\n', '2.35'],
    ['GNU C Library (GNU libc) development release version 2.39.9000.\n', '2.39.9000'],
    ['GNU C Library (GNU libc) stable release version 2.28.\n', '2.28'],
    ['GNU C Library is mentioned\0GNU C Library (x) stable release version 2.41.\n', '2.41'],
    ['musl libc (x86_64)\nVersion 1.2.3\n', null],
    ['', null],
  ])('of %j', (banner, version) => {
    expect(versionOf(Buffer.from(`\x7fELF\0\0${banner}\0more`))).toBe(version);
  });
});
