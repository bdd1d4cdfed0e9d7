// SPDX-License-Identifier: MIT
// The scripted edits that turn the source into another flavour of the ABI. Each finds one place by
// a pattern and changes it in words of its own; when the place is not there, or there twice, it
// throws, because an edit that silently does nothing would build the wrong kernel.

/**
 * One scripted edit: takes the text of a file of the tree and gives the new text. It throws when it
 * does not find what it wants to change, because an edit that silently does nothing would build the
 * wrong flavour.
 * @typedef {object} Edit
 * @property {string} name what it changes, for messages
 * @property {string} file relative to the source tree
 * @property {string} text what it does, exactly: an edit that changes gives another kernel
 * @property {(text: string) => string} apply
 */

/**
 * @param {string} name what it changes, for messages and for the statement of how a flavour differs
 * @param {string} file relative to the source tree
 * @param {RegExp} pattern
 * @param {string} replacement
 * @returns {Edit}
 */
export function substitution(name, file, pattern, replacement) {
  return {
    name,
    file,
    text: `${pattern.source} -> ${replacement}`,
    apply(text) {
      const count = [...text.matchAll(new RegExp(pattern.source, `g${pattern.flags}`))].length;
      if (count !== 1) {
        throw new Error(
          `The edit '${name}' wants one place in ${file} that looks like ${pattern}, and finds ${count}: this source needs another edit.`,
        );
      }
      return text.replace(pattern, replacement);
    },
  };
}

const ANY_LENGTH = substitution(
  'areas of 32 bytes can have slices too',
  'kernel/rseq.c',
  / && rseq_len > ORIG_RSEQ_SIZE\)(\s+version = 2;)/,
  ')$1',
);

const NO_DEFAULT_ON = substitution(
  'rseq(2) has no flag that switches slices on',
  'kernel/rseq.c',
  /^#define RSEQ_FLAGS_SUPPORTED\s+\(.*\)$/m,
  '#define RSEQ_FLAGS_SUPPORTED 0',
);

const UNCHECKED_IDS = substitution(
  'ids that user space changed kill with rseq_debug only',
  'include/linux/rseq_entry.h',
  /(rseq_debug_enabled\)) \|\| rseq_v2\(t\)\) \{/,
  '$1) {',
);

/** @param {string} file @returns {Edit} */
const bits = (file) =>
  substitution(
    'request and granted are bits 0 and 1 of the control word',
    file,
    /__u8\s+request;\s+__u8\s+granted;\s+__u16\s+__reserved;/,
    '__u32 request : 1; __u32 granted : 1; __u32 __reserved : 30;',
  );

/** @param {string} file @returns {Edit} */
const short = (file) =>
  substitution(
    'the area has 32 bytes, and so has the feature size',
    file,
    /^\t__u8 __reserved;\n/m,
    '',
  );

const UAPI = 'include/uapi/linux/rseq.h';
const TEST_ABI = 'tools/testing/selftests/rseq/rseq-abi.h';
const TEST = 'tools/testing/selftests/rseq/slice_test.c';

/** @type {readonly Edit[]} */
export const EDITS_7_0 = [ANY_LENGTH, NO_DEFAULT_ON, UNCHECKED_IDS];

/** @type {readonly Edit[]} */
export const EDITS_RFC = [
  ...EDITS_7_0,
  bits(UAPI),
  short(UAPI),
  substitution(
    'the yield is system call 470, and 471 is none',
    'arch/x86/entry/syscalls/syscall_64.tbl',
    /^470\s.*\n471(\s+common\s+rseq_slice_yield\s.*)$/m,
    '470$1',
  ),
  substitution(
    'any other system call in an extension kills',
    'kernel/rseq.c',
    /rseq_stat_inc\(rseq_stats\.s_aborted\);/,
    'rseq_stat_inc(rseq_stats.s_aborted); force_sig(SIGSEGV);',
  ),
  substitution(
    'an extension has 10 us or more',
    'kernel/rseq.c',
    /(rseq_slice_ext_nsecs_min =\s+)5 \*/,
    '$110 *',
  ),
  substitution(
    'an extension has 30 us by default',
    'kernel/rseq.c',
    /(rseq_slice_ext_nsecs __read_mostly = )\w+;/,
    '$130 * NSEC_PER_USEC;',
  ),
  // The kernel's own slice_test, so that it says something about this flavour too.
  bits(TEST_ABI),
  short(TEST_ABI),
  substitution(
    'slice_test asks with a bit',
    TEST,
    /RSEQ_WRITE_ONCE\(rs->slice_ctrl\.request, 1\);/,
    'RSEQ_WRITE_ONCE(rs->slice_ctrl.all, 1);',
  ),
  substitution(
    'slice_test takes the bit back in one step',
    TEST,
    /RSEQ_READ_ONCE\(rs->slice_ctrl\.request\)\) \{\s+RSEQ_WRITE_ONCE\(rs->slice_ctrl\.request, 0\);/,
    '__atomic_fetch_and(&rs->slice_ctrl.all, ~1U, __ATOMIC_RELAXED) & 1) {',
  ),
  substitution(
    'slice_test looks at the other bit',
    TEST,
    /RSEQ_READ_ONCE\(rs->slice_ctrl\.granted\)/,
    'RSEQ_READ_ONCE(rs->slice_ctrl.all) & 2',
  ),
  substitution(
    'slice_test makes no other system call in an extension',
    TEST,
    /^FIXTURE_VARIANT_ADD\(slice_ext, \w+no_yield\)\n\{[^}]*\};\n/m,
    '',
  ),
];
