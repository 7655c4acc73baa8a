/**
 * Values of the harness's own tests on the published data (`tests/test_version_stable.py`), for whoever has it: the environment variable
 * MIXERZOO_LM_EVAL_DATA names the directory. Documents are shuffled by Python's `random.Random(42)`, the requests' hash is compared,
 * and a scorer that draws its answers is scored.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadDocuments } from '../data/load-documents.js';
import { METRICS } from '../metrics.js';
import { createPythonRandom } from '../python-random.js';
import { jsonDumps } from '../python-text.js';
import type { Item, MetricName, TextRequest } from '../task.js';
import { evalTask } from './index.js';

const DATA = process.env['MIXERZOO_LM_EVAL_DATA'];
const data = DATA !== undefined && existsSync(DATA) ? DATA : undefined;

/** Of the published files: the first signs of the requests' hash, the answers a request drew, and the metrics. */
const GOLDEN: Readonly<Record<string, { hash: string; draws: number; metrics: Partial<Record<MetricName, number>> }>> =
  {
    piqa: { hash: '6048a3a2bb3ad1e6', draws: 1, metrics: { acc: 0.514145810663765, acc_norm: 0.5114254624591947 } },
    hellaswag: {
      hash: 'abb808c97d6529ed',
      draws: 1,
      metrics: { acc: 0.24965146385182235, acc_norm: 0.24756024696275641 },
    },
    winogrande: { hash: '90a3eff49de91739', draws: 1, metrics: { acc: 0.516179952644041 } },
    arc_easy: {
      hash: 'ffa6e39a35a16299',
      draws: 1,
      metrics: { acc: 0.2474747474747475, acc_norm: 0.24074074074074073 },
    },
    arc_challenge: {
      hash: '41c34c96cca8ace6',
      draws: 1,
      metrics: { acc: 0.24488054607508533, acc_norm: 0.2440273037542662 },
    },
    lambada_openai: { hash: '6829e6a8aa5922e6', draws: 2, metrics: { perplexity: 1.6479047769869253 } },
    lambada_standard: { hash: '8958d9f8d8145046', draws: 2, metrics: { perplexity: 1.6479047769869253 } },
  };

const pairOf = (request: TextRequest) =>
  request.kind === 'rolling' ? [request.text] : [request.context, request.continuation];

for (const [name, { hash, draws, metrics }] of Object.entries(GOLDEN)) {
  it(`asks of ${name} what the harness asks, and counts answers as it does`, async (context) => {
    const task = evalTask(name);
    const loaded = await load(name);
    if (typeof loaded === 'string') return context.skip(loaded);
    const documents = [...loaded];
    createPythonRandom(42).shuffle(documents);
    const requests = documents.map((document) => task.requests(document));
    // Two requests a document there where today's one answers both: its likelihood, then whether it is greedy.
    const asked = requests.flatMap((of) =>
      of.flatMap((request) => Array.from({ length: draws }, () => pairOf(request))),
    );
    expect(createHash('sha256').update(jsonDumps(asked)).digest('hex').slice(0, 16)).toBe(hash);

    const { random } = createPythonRandom(42);
    const items = documents.map((document, index) => {
      const answers = (requests[index] as readonly TextRequest[]).map(() => {
        const logLikelihood = -random();
        for (let draw = 1; draw < draws; draw++) random();
        return { logLikelihood, greedy: false };
      });
      return task.items(document, answers);
    });
    for (const [metric, value] of Object.entries(metrics)) {
      expect(METRICS[metric as MetricName].aggregate(items.map((of) => of[metric as MetricName] as Item))).toBe(value);
    }
  });
}

it('finds 62 pages of 241,335 words and 1,290,527 bytes in WikiText-2', async (context) => {
  const task = evalTask('wikitext');
  const pages = await load('wikitext');
  if (typeof pages === 'string') return context.skip(pages);
  const items = pages.map((page) => task.items(page, [{ logLikelihood: 0, greedy: true }]));
  const weights = (metric: MetricName) =>
    items.reduce((sum, of) => sum + (of[metric] as readonly [number, number])[1], 0);
  expect(pages.length).toBe(62);
  expect(weights('word_perplexity')).toBe(241_335);
  expect(weights('byte_perplexity')).toBe(1_290_527);
});

/** The documents of a task, or why there are none. */
async function load(name: string): Promise<readonly unknown[] | string> {
  if (data === undefined) return `MIXERZOO_LM_EVAL_DATA names no directory: the data of ${name} is not here`;
  try {
    return (await loadDocuments(evalTask(name), data)).documents;
  } catch (error) {
    const { message } = error as Error;
    if (message.includes('got no file of it')) return message;
    throw error;
  }
}
