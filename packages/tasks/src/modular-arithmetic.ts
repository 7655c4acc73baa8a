/**
 * Modular arithmetic: a sum of products without brackets; the label of the `=` is its value mod m.
 *
 * m = 5, L = 8; + is token 5, - 6, * 7, = 8 and blank 9 (`.` is IGNORED_LABEL):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * |-------|---|---|---|---|---|---|---|---|
 * | input | 3 | 6 | 2 | 7 | 4 | 5 | 1 | 8 |
 * | label | . | . | . | . | . | . | . | 1 |
 * | what  | 3 | - | 2 | * | 4 | + | 1 | = |
 *
 * A product binds tighter, so two numbers are to be tracked: what is summed, and the product at hand with its sign. Operands and
 * operators are drawn evenly; 0 comes a little more often as an answer than the others, since it absorbs the factors beside it
 * (m = 5: 25.3 % of the time with 2 operands, 23.2 % with 3, 20.1 % with 8).
 *
 * By default an example is full: L / 2 operands, so another length is another number of them. With `minOperands` the number is drawn
 * evenly from there to L / 2, and blanks follow the `=`. A longer task of `atLength` then has only examples longer than
 * any of this one: lengths never seen.
 *
 * Sources: Deletang et al. 2022, "Neural Networks and the Chomsky Hierarchy" (arXiv 2207.02098), modular arithmetic (simple);
 * Grazzi et al. 2024 (arXiv 2411.12537) and their repository: 2 to 20 operands in training, to 128 in tests.
 * Deviations: theirs put the answer behind the `=` and pad with token 0; here tokens 0 to m - 1 are the residues.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { lengthBins, sliceAnswers } from './slices.js';

/** The operators in the order of their tokens, which follow the residues; the `=` and the blank follow them. */
const [PLUS, MINUS, TIMES] = [0, 1, 2];

const modularArithmeticSchema = z.strictObject({
  modulus: z.int().min(2).max(1024).default(5).describe('m, residues there are'),
  products: z.boolean().default(true).describe('* among the operators; else + and - alone'),
  seqLen: z.int().min(2).default(64).describe('L, even: each operand and the operator or = after it'),
  minOperands: z.int().min(1).optional().describe('operands of the shortest example; default: all have L / 2'),
});

type ModularArithmeticConfig = z.output<typeof modularArithmeticSchema>;

/**
 * Arithmetic mod m.
 * @throws InvalidConfigError if `seqLen` is odd, or holds fewer operands than `minOperands`.
 * @example modularArithmetic({ seqLen: 40, minOperands: 2 })
 */
export const modularArithmetic: TaskFactory<typeof modularArithmeticSchema, SolvedTask> = defineTask({
  name: 'modularArithmetic',
  summary: 'Operands and operators + - * without brackets, then =: the value mod m.',
  schema: modularArithmeticSchema,
  create(config) {
    assertFits(config);
    const { modulus, seqLen, minOperands } = config;
    const most = seqLen / 2;
    const equals = modulus + 3;
    return {
      vocabSize: modulus + 5,
      seqLen,
      labelsPerExample: 1,
      chance: 1 / modulus,
      generate: createGenerate('modularArithmetic', seqLen, () => createWriter(config)),
      solve(inputs) {
        const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
        const end = inputs.indexOf(equals);
        labels[end] = evaluate(inputs.subarray(0, end), modulus);
        return labels;
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [{ name: 'operands', bins: lengthBins(most), of: (operands: number) => operands }],
          (inputs) => [(inputs.indexOf(equals) + 1) / 2],
        ),
      atLength: (length) =>
        modularArithmetic({
          ...config,
          seqLen: length,
          ...(minOperands !== undefined && { minOperands: length > seqLen ? most + 1 : minOperands }),
        }),
    };
  },
});

/** The oracle: products first, term by term, then their sum. */
function evaluate(expression: Int32Array, modulus: number): number {
  const terms: number[][] = [];
  for (let t = 0; t < expression.length; t += 2) {
    const operator = t === 0 ? PLUS : expression[t - 1]! - modulus;
    if (operator === TIMES) terms.at(-1)!.push(expression[t]!);
    else terms.push([operator === MINUS ? -1 : 1, expression[t]!]);
  }
  const products = terms.map((factors) => factors.reduce((product, factor) => (product * factor) % modulus, 1));
  const sum = products.reduce((total, product) => total + product, 0);
  return ((sum % modulus) + modulus) % modulus;
}

function createWriter({ modulus, products, seqLen, minOperands }: ModularArithmeticConfig): WriteExample {
  const most = seqLen / 2;
  const least = minOperands ?? most;
  const numOperators = products ? 3 : 2;
  return (rng, inputs, labels) => {
    const operands = least + rng.integer(most - least + 1);
    let [sum, product] = [0, rng.integer(modulus)]; // of the terms that are done, and of the one at hand with its sign
    inputs[0] = product;
    for (let i = 1; i < operands; i++) {
      const [operator, operand] = [rng.integer(numOperators), rng.integer(modulus)];
      inputs[2 * i - 1] = modulus + operator;
      inputs[2 * i] = operand;
      if (operator === TIMES) product = (product * operand) % modulus;
      else {
        sum = (sum + product) % modulus;
        product = operator === PLUS ? operand : modulus - operand;
      }
    }
    const end = 2 * operands - 1;
    inputs[end] = modulus + 3;
    inputs.fill(modulus + 4, end + 1);
    labels[end] = (sum + product) % modulus;
  };
}

function assertFits({ seqLen, minOperands = 1 }: ModularArithmeticConfig): void {
  if (seqLen % 2 === 1) {
    throw new InvalidConfigError(
      `modularArithmetic: seqLen must be even (each operand with the operator or = after it), got ${seqLen}. Use ${seqLen + 1}.`,
    );
  }
  if (seqLen < 2 * minOperands) {
    throw new InvalidConfigError(
      `modularArithmetic: seqLen must be at least ${2 * minOperands} for ${minOperands} operands, got ${seqLen}. ` +
        `Use seqLen >= ${2 * minOperands} or minOperands <= ${seqLen / 2}.`,
    );
  }
}
