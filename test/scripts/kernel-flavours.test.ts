/** The flavours of the guest kernel: edits that do what they say or fail, and kernels told apart by them. */
import { describe, expect, it } from 'vitest';
import { substitution } from '../../scripts/kernel/edits.mjs';
import { describeDifferences, editsText, flavourNamed, FLAVOURS } from '../../scripts/kernel/flavours.mjs';

describe('an edit', () => {
  const edit = substitution('five becomes six', 'some/file.c', /(limit = )5;/, '$1six;');

  it('changes its place and nothing else', () => {
    expect(substitution('n', 'f', /(limit = )5;/, '$1six;').apply('a\nlimit = 5;\nb\n')).toBe('a\nlimit = six;\nb\n');
  });

  it.each(['no place', 'limit = 5; and limit = 5;'])("refuses '%s'", (text) => {
    expect(() => edit.apply(text)).toThrow(/'five becomes six' wants one place in some\/file\.c .* finds [02]/);
  });

  it('finds the beginnings of lines where it asks for them', () => {
    expect(substitution('n', 'f', /^b$/m, 'c').apply('a\nb\n')).toBe('a\nc\n');
  });
});

describe('the flavours', () => {
  it('are those there are kernels of, and one without the feature', () => {
    expect([...FLAVOURS.keys()]).toEqual(['mainline', '7.0', 'rfc', 'off']);
    expect(() => flavourNamed('8.0')).toThrow(/'8\.0'.*mainline, 7\.0, rfc, off/);
  });

  it('have texts of their own, so that each has its place in the cache', () => {
    const texts = [...FLAVOURS.values()].map(editsText);
    expect(new Set(texts).size).toBe(FLAVOURS.size);
    const rfc = flavourNamed('rfc');
    const [first, ...others] = rfc.edits;
    expect(editsText({ ...rfc, edits: others })).not.toBe(editsText(rfc));
    expect(first === undefined ? '' : editsText({ ...rfc, edits: [{ ...first, text: 'another' }, ...others] })).not.toBe(editsText(rfc));
  });

  it('say how they differ', () => {
    expect(describeDifferences(flavourNamed('mainline'))).toEqual([]);
    expect(describeDifferences(flavourNamed('off'))).toEqual(['configuration: # CONFIG_RSEQ_SLICE_EXTENSION is not set']);
    expect(describeDifferences(flavourNamed('rfc')).join('\n')).toMatch(/470.*\n.*kills/);
  });
});
