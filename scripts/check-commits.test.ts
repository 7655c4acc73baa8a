import { describe, expect, it } from 'vitest';
import { faultsOf } from './check-commits.mjs';

describe('faultsOf', () => {
  it('takes a package, at most 72 characters and a body', () => {
    expect(faultsOf('cat: filter keys before they are cached\n\nThe cache held raw keys.\n')).toEqual([]);
    expect(faultsOf('core, cat: one name for a filter\n\nIt had two.')).toEqual([]);
  });

  it.each([
    ['Fix things\n\nWhy.', /a package and a colon first/],
    ['dog: bark\n\nWhy.', /expected packages of attention, .*, got dog/],
    ['cat: a subject alone', /a body that says why/],
    [`cat: ${'x'.repeat(68)}\n\nWhy.`, /at most 72 characters, got 73/],
  ])('%j is at fault', (message, fault) => {
    expect(faultsOf(message).join('\n')).toMatch(fault);
  });
});
