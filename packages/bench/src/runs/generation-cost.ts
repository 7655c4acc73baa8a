/** What it costs to generate with a trained model: reading a prompt, then one token after the other. */
import { disposeState, type LanguageModel, type LanguageModelParams, type Task, tf } from '@mixerzoo/core';
import { median } from 'simple-statistics';

/** Medians over repeats, for one sequence on the engine in use. */
export interface GenerationCost {
  /** Tokens of the prompt. */
  readonly promptLength: number;
  /** Milliseconds to read the prompt, up to the logits of the token after it. */
  readonly prefillMs: number;
  /** Milliseconds for each of the tokens after the prompt, by `step`. */
  readonly tokenMs: number;
}

const PREFILLS = 5;
const TOKENS = 16;
/** Prefills are repeated no longer than this. */
const MAX_PREFILL_MS = 1000;

/**
 * Reads the beginning of a test example and generates from there to its length, so that no model leaves the positions
 * it knows. The first prefill and the first token, which may compile kernels, do not count.
 */
export async function measureGeneration(
  model: LanguageModel,
  params: LanguageModelParams,
  task: Task,
): Promise<GenerationCost> {
  const { inputs } = task.generate({ split: 'test', seed: 0, count: 1 });
  const steps = Math.min(TOKENS + 1, Math.floor(task.seqLen / 2));
  const promptLength = task.seqLen - steps;
  const prompt = tf.tensor2d(inputs.slice(0, promptLength), [1, promptLength], 'int32');
  const token = tf.tensor1d(inputs.slice(promptLength, promptLength + 1), 'int32');
  const timed = async (read: () => { logits: tf.Tensor2D; state: ReturnType<typeof model.initState> }) => {
    const start = performance.now();
    const { logits, state } = read();
    await logits.data();
    logits.dispose();
    return { state, ms: performance.now() - start };
  };
  try {
    const prefills: number[] = [];
    const start = performance.now();
    let last = await timed(() => model.prefill(params, prompt));
    while (prefills.length === 0 || (prefills.length < PREFILLS && performance.now() - start < MAX_PREFILL_MS)) {
      disposeState(last.state);
      last = await timed(() => model.prefill(params, prompt));
      prefills.push(last.ms);
    }
    const tokens: number[] = [];
    for (let step = 0; step < steps; step++) {
      const { state } = last;
      last = await timed(() => model.step(params, token, state));
      tokens.push(last.ms);
    }
    disposeState(last.state);
    return { promptLength, prefillMs: median(prefills), tokenMs: median(tokens.slice(tokens.length > 1 ? 1 : 0)) };
  } finally {
    tf.dispose([prompt, token]);
  }
}
