import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countCopies } from './count-copies.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

it('counts the examples with the inputs of each', () => {
  fc.assert(
    fc.property(
      fc
        .nat({ max: 3 })
        .chain((seqLen) => fc.array(fc.array(fc.nat({ max: 2 }), { minLength: seqLen, maxLength: seqLen }))),
      (rows) => {
        const seqLen = rows[0]?.length ?? 0;
        const inputs = Int32Array.from(rows.flat());
        const copies = countCopies({ count: rows.length, seqLen, inputs, labels: inputs });
        const keys = rows.map(String);
        expect([...copies]).toEqual(keys.map((key) => keys.filter((other) => other === key).length));
      },
    ),
  );
});

it('tells examples apart whose hashes agree', () => {
  // 32-bit FNV-1a of [a, b] is ((seed ^ a) p ^ b) p: any a can be given the hash of [0, 0] by its b.
  const [seed, prime] = [0x811c9dc5, 0x01000193];
  const b = Math.imul(seed ^ 1, prime) ^ Math.imul(seed, prime);
  const inputs = Int32Array.of(0, 0, 1, b, 0, 0);
  expect([...countCopies({ count: 3, seqLen: 2, inputs, labels: inputs })]).toEqual([2, 1, 2]);
});
