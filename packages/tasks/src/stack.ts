/**
 * Stack: symbols are pushed onto s stacks and popped off them; the label of a pop is the symbol that comes off.
 *
 * Two stacks (tokens 3 and 4) of symbols 5 to 8, push 1, pop 2, blank 0, L = 16 (`.` is IGNORED_LABEL):
 *
 * | t     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10| 11| 12| 13| 14| 15|
 * |-------|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
 * | input | 1 | 3 | 5 | 1 | 3 | 8 | 1 | 4 | 6 | 2 | 3 | 2 | 4 | 2 | 3 | 0 |
 * | label | . | . | . | . | . | . | . | . | . | . | 8 | . | 6 | . | 5 | . |
 * | what  | push to 1 ||| push to 1 ||| push to 2 ||| pop 1 || pop 2 || pop 1 || - |
 *
 * Only stacks that hold something are popped, and the popped symbol never follows. Every example has the same pops
 * (`numPops`) and as many pushes as then fit, blanks at the end. Which comes next is drawn in proportion to what is left of both,
 * a push where all stacks are empty; the stack evenly among all to push to, among those that hold something to pop from.
 * With one stack it is a palindrome in pieces; with many, recall of keys that are overwritten and come back. Who answers with the
 * symbol pushed last, to whichever stack, is right where the slice of pushes since is 1.
 *
 * Source: Kimi Team 2025, "Kimi Linear" (arXiv 2510.26692), synthetic tests (64 stacks).
 * Deviations: the tokens, the vocabularies and the draw of operations are ours.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { defineTask, IGNORED_LABEL, type SolvedTask, type TaskFactory } from '@mixerzoo/core/task';
import * as z from 'zod';
import { createGenerate, type WriteExample } from './examples.js';
import { countAtLength } from './length.js';
import { doublingBins, positionBins, sliceAnswers } from './slices.js';

const [PUSH, POP, FIRST_STACK] = [1, 2, 3];
const [PUSH_TOKENS, POP_TOKENS] = [3, 2];

const vocabSizeSchema = z
  .int()
  .min(1)
  .max(2 ** 16);

const stackSchema = z
  .strictObject({
    seqLen: z.int().min(5).default(64).describe('L: a push is 3 tokens, a pop 2'),
    numStacks: vocabSizeSchema.default(4).describe('s, stacks there are'),
    symbolVocabSize: vocabSizeSchema.min(2).default(16).describe('v, symbols there are'),
    numPops: z.int().min(1).optional().describe('pops of an example; default L / 5, as many as pushes'),
  })
  .transform((config) => ({ ...config, numPops: config.numPops ?? Math.floor(config.seqLen / 5) }));

type StackConfig = z.output<typeof stackSchema>;

/**
 * Stacks that are pushed and popped.
 * @throws InvalidConfigError if `seqLen` is below 5 `numPops`.
 * @example stack({ seqLen: 128, numStacks: 64 })
 */
export const stack: TaskFactory<typeof stackSchema, SolvedTask> = defineTask({
  name: 'stack',
  summary: 'Symbols are pushed onto several stacks; tell what comes off at a pop.',
  schema: stackSchema,
  create(config) {
    assertFits(config);
    const { seqLen, numStacks, symbolVocabSize, numPops } = config;
    const slice = (name: string, bins: ReturnType<typeof doublingBins>, of: (pop: Pop) => number) => ({
      name,
      bins,
      of,
    });
    const mostPushes = numPushes(config);
    return {
      vocabSize: FIRST_STACK + numStacks + symbolVocabSize,
      seqLen,
      labelsPerExample: numPops,
      chance: 1 / symbolVocabSize,
      generate: createGenerate('stack', seqLen, () => createWriter(config)),
      solve(inputs) {
        const labels = new Int32Array(inputs.length).fill(IGNORED_LABEL);
        for (const { at, pushedAt } of readPops(inputs)) labels[at] = inputs[pushedAt]!;
        return labels;
      },
      slices: (examples) =>
        sliceAnswers(
          examples,
          [
            slice('symbols on the stack before the pop', doublingBins(mostPushes), ({ depth }) => depth),
            slice('pushes since that of the symbol, itself included', doublingBins(mostPushes), ({ pushes }) => pushes),
            slice('gap between push and pop (tokens)', doublingBins(seqLen), ({ at, pushedAt }) => at - pushedAt),
            slice('position of the pop (tokens)', positionBins(seqLen), ({ at }) => at),
          ],
          readPops,
        ),
      atLength: (length) =>
        stack({ ...config, seqLen: length, numPops: countAtLength(numPops, 'proportional', seqLen, length) }),
    };
  },
});

/** A pop as it is read off an example: where its stack is named, and where the symbol was pushed. */
interface Pop {
  readonly at: number;
  readonly pushedAt: number;
  /** Symbols on its stack before it. */
  readonly depth: number;
  /** Pushes to any stack since the symbol's, itself included. */
  readonly pushes: number;
}

/** Works the stacks, as places in the inputs. */
function readPops(inputs: Int32Array): Pop[] {
  const stacks = new Map<number, { pushedAt: number; number: number }[]>();
  const pops: Pop[] = [];
  let pushes = 0;
  for (let t = 0; t < inputs.length && (inputs[t] === PUSH || inputs[t] === POP); ) {
    const name = inputs[t + 1]!;
    const symbols = stacks.get(name) ?? [];
    stacks.set(name, symbols);
    if (inputs[t] === PUSH) {
      symbols.push({ pushedAt: t + 2, number: pushes++ });
      t += PUSH_TOKENS;
    } else {
      const depth = symbols.length;
      const { pushedAt, number } = symbols.pop()!;
      pops.push({ at: t + 1, pushedAt, depth, pushes: pushes - number });
      t += POP_TOKENS;
    }
  }
  return pops;
}

/** Pushes of an example: as many as fit beside the pops. */
const numPushes = ({ seqLen, numPops }: StackConfig) => Math.floor((seqLen - POP_TOKENS * numPops) / PUSH_TOKENS);

function createWriter(config: StackConfig): WriteExample {
  const { numStacks, symbolVocabSize, numPops } = config;
  const symbols = new Int32Array(numPushes(config)); // by the number of their push
  const below = new Int32Array(symbols.length); // the push under each, -1 at the bottom
  const tops = new Int32Array(numStacks); // the push on top, -1 where empty
  const filled = new Int32Array(numStacks); // the stacks that hold something, the first `held`
  return (rng, inputs, labels) => {
    tops.fill(-1);
    let [t, pushed, popped, held] = [0, 0, 0, 0];
    while (popped < numPops || pushed < symbols.length) {
      const popsLeft = numPops - popped;
      const left = popsLeft + symbols.length - pushed;
      if (held > 0 && rng.integer(left) < popsLeft) {
        const place = rng.integer(held);
        const name = filled[place]!;
        const top = tops[name]!;
        inputs[t] = POP;
        inputs[t + 1] = FIRST_STACK + name;
        labels[t + 1] = symbols[top]!;
        tops[name] = below[top]!;
        if (tops[name] === -1) filled[place] = filled[--held]!;
        popped++;
        t += POP_TOKENS;
      } else {
        const name = rng.integer(numStacks);
        if (tops[name] === -1) filled[held++] = name;
        symbols[pushed] = FIRST_STACK + numStacks + rng.integer(symbolVocabSize);
        below[pushed] = tops[name]!;
        inputs[t] = PUSH;
        inputs[t + 1] = FIRST_STACK + name;
        inputs[t + 2] = symbols[pushed]!;
        tops[name] = pushed++;
        t += PUSH_TOKENS;
      }
    }
  };
}

function assertFits({ seqLen, numPops }: StackConfig): void {
  const smallest = (PUSH_TOKENS + POP_TOKENS) * numPops;
  if (seqLen >= smallest) return;
  throw new InvalidConfigError(
    `stack: seqLen must be at least ${smallest} for ${numPops} pops and as many pushes, got ${seqLen}. ` +
      `Use seqLen >= ${smallest} or numPops <= ${Math.floor(seqLen / 5)}.`,
  );
}
