import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { optionsTable } from './options.js';

describe('optionsTable', () => {
  it('says of each option its type, default and meaning', () => {
    const schema = z.strictObject({
      dModel: z.int().positive().describe('model width'),
      kind: z.enum(['a', 'b']).default('a').describe('one | the other'),
      share: z.number().gt(0).max(1).optional(),
      bias: z.union([z.boolean(), z.strictObject({ q: z.boolean() })]).default(false),
    });
    expect(optionsTable(schema)).toBe(
      [
        '| option | type | default | meaning |',
        '| --- | --- | --- | --- |',
        '| `dModel` | whole number from 1 | required | model width |',
        '| `kind` | `"a"`, `"b"` | `"a"` | one \\| the other |',
        '| `share` | number above 0 to 1 |  |  |',
        '| `bias` | boolean or `{ q }` | `false` |  |',
      ].join('\n'),
    );
  });
});
