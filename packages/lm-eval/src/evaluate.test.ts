/** Evaluations in a directory: cut off at any batch they end with the same bytes. */
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EvaluateOptions, evaluateTasks } from './evaluate.js';
import type { ScorePieces } from './model-scorer.js';
import { formatTable, toHarnessJson } from './report.js';
import { evalTask } from './tasks/index.js';

const data = fileURLToPath(new URL('./__fixtures__/data', import.meta.url));
let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'mixerzoo-lm-eval-'));
});
afterEach(() => rm(out, { recursive: true }));

/** An answer that depends on the batch, as rounding may. */
function createScorer(failAt = Infinity) {
  const state = { batches: 0 };
  const score: ScorePieces = async (pieces) => {
    if (state.batches === failAt) throw new Error('killed');
    state.batches += 1;
    const odd = pieces.length / 1e6;
    return pieces.map(({ continuation }) => ({
      logLikelihood: -continuation.reduce((sum, token) => sum + Math.sin(token) ** 2, odd),
      greedy: continuation.length % 2 === 0,
    }));
  };
  return { score, state };
}

const evaluate = (score: ScorePieces, more: Partial<EvaluateOptions> = {}) =>
  evaluateTasks({
    tasks: [evalTask('piqa'), evalTask('wikitext')],
    place: () => data,
    out,
    tokenizer: { endOfText: 256, encode: (text) => new TextEncoder().encode(text) },
    score,
    maxLength: 100,
    batchSize: 3,
    bootstrapIterations: 100,
    identity: { model: 'formula' },
    ...more,
  });

async function contents(): Promise<Record<string, string>> {
  const names = (await readdir(out)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(out, name), 'utf8')])),
  );
}

describe('an evaluation', () => {
  it('that is cut off at any batch ends with what it would have had', async () => {
    const whole = createScorer();
    const summaries = await evaluate(whole.score);
    const expected = await contents();
    expect(Object.keys(expected).map((name) => name.replace(/-[0-9a-f]{12}/, ''))).toEqual([
      'piqa.json',
      'piqa.samples.jsonl',
      'wikitext.json',
      'wikitext.samples.jsonl',
    ]);
    const total = whole.state.batches;
    expect(total).toBeGreaterThan(6);
    for (let failAt = 0; failAt < total; failAt++) {
      await rm(out, { recursive: true });
      await expect(evaluate(createScorer(failAt).score)).rejects.toThrow('killed');
      const partial = Object.keys(await contents()).find((name) => name.endsWith('.partial.jsonl')) as string;
      await appendFile(join(out, partial), '{"batch": 9, "answe'); // torn
      const rest = createScorer();
      expect(await evaluate(rest.score)).toEqual(summaries);
      expect(rest.state.batches).toBe(total - failAt);
      expect(await contents()).toEqual(expected);
    }
  });

  it('that is done is not done again, and makes way for no other', async () => {
    await evaluate(createScorer().score);
    const again = createScorer(0);
    await evaluate(again.score);
    expect(again.state.batches).toBe(0);
    const before = await contents();
    await evaluate(createScorer().score, { limit: 2 });
    await evaluate(createScorer().score, { identity: { model: 'another' } });
    await evaluate(createScorer().score, { addBos: true });
    const after = await contents();
    expect(Object.keys(after).length).toBe(4 * Object.keys(before).length);
    expect(after).toMatchObject(before);
  });

  it('with a damaged result is made anew', async () => {
    await evaluate(createScorer().score);
    const before = await contents();
    const name = Object.keys(before).find((file) => /^piqa-\w+\.json$/.test(file)) as string;
    await writeFile(join(out, name), '{"id": 3}');
    await evaluate(createScorer().score);
    expect(await contents()).toEqual(before);
  });

  it('refuses a limit that is none, data that is not there, and files of other data', async () => {
    const { score } = createScorer(0);
    await expect(evaluate(score, { limit: 0 })).rejects.toThrow('expected limit to be a whole number from 1, got 0');
    await expect(evaluate(score, { place: () => join(out, 'none') })).rejects.toThrow(
      /piqa: expected its data in .*none, got no such directory\. Get the validation split of the data set baber\/piqa/,
    );
    await writeFile(join(out, 'rows.jsonl'), '{"question": "why?"}\n');
    await expect(evaluate(score, { place: () => join(out, 'rows.jsonl') })).rejects.toThrow(
      /piqa: expected rows of the validation split of baber\/piqa with goal, got columns question in .*rows\.jsonl, row 0/,
    );
    await writeFile(join(out, 'rows.jsonl'), '{"goal": "a"}\n{"goal": \n');
    await expect(evaluate(score, { place: () => join(out, 'rows.jsonl') })).rejects.toThrow(
      /rows\.jsonl:2: expected a JSON object/,
    );
  });
});

it('prints what the harness prints', async () => {
  const summaries = await evaluate(createScorer().score, { limit: 4 });
  expect(formatTable(summaries).split('\n')).toEqual([
    '| Tasks  |Version|Filter|n-shot|    Metric     |   |Value |   |Stderr|',
    '|--------|------:|------|-----:|---------------|---|-----:|---|------|',
    '|piqa    |      1|none  |     0|acc            |↑  |0.5000|±  |0.2887|',
    '|        |       |none  |     0|acc_norm       |↑  |0.7500|±  |0.2500|',
    '|wikitext|      2|none  |     0|bits_per_byte  |↓  |0.5775|±  |   N/A|',
    '|        |       |none  |     0|byte_perplexity|↓  |1.4922|±  |   N/A|',
    '|        |       |none  |     0|word_perplexity|↓  |4.8661|±  |   N/A|',
  ]);
  expect(toHarnessJson(summaries, { model: 'formula' })).toMatchObject({
    results: { wikitext: { alias: 'wikitext', 'bits_per_byte_stderr,none': 'N/A' } },
    versions: { piqa: 1, wikitext: 2 },
    'n-samples': { piqa: { original: 6, effective: 4 }, wikitext: { original: 3, effective: 3 } },
    higher_is_better: { piqa: { acc: true }, wikitext: { word_perplexity: false } },
  });
});
