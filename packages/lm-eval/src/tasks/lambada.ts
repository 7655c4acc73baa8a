/** LAMBADA (Paperno et al. 2016, arXiv 1606.06031): the last word of a passage, in the original text and in OpenAI's. */
import * as z from 'zod';
import { type DataSource, defineEvalTask } from '../task.js';

const schema = z.object({ text: z.string() });

const lambada = (name: string, source: DataSource) =>
  defineEvalTask<z.output<typeof schema>>({
    name,
    version: 1,
    source,
    schema,
    metrics: ['perplexity', 'acc'],
    requests({ text }) {
      const pieces = text.split(' ');
      const last = pieces.pop() as string;
      return [{ kind: 'continuation', context: pieces.join(' '), continuation: ` ${last}` }];
    },
    items: (_, answers) => ({
      perplexity: answers[0]?.logLikelihood as number,
      acc: answers[0]?.greedy ? 1 : 0,
    }),
  });

export const lambadaOpenai = lambada('lambada_openai', {
  dataSet: 'EleutherAI/lambada_openai',
  config: 'default',
  split: 'test',
  files: ['lambada_test.jsonl', 'data/lambada_test.jsonl', 'data/lambada_test_en.jsonl'],
});

export const lambadaStandard = lambada('lambada_standard', {
  dataSet: 'cimec/lambada',
  config: 'plain_text',
  split: 'test',
  files: ['lambada_test_plain_text.txt'],
});
