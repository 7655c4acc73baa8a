/** WinoGrande (Sakaguchi et al. 2019, arXiv 1907.10641): which of two fills the gap, by the likelihood of what follows it. */
import * as z from 'zod';
import { strip } from '../python-text.js';
import { defineEvalTask } from '../task.js';
import { multipleChoice } from './multiple-choice.js';

const schema = z.object({
  sentence: z.string().includes('_'),
  option1: z.string(),
  option2: z.string(),
  answer: z.enum(['1', '2']),
});

export const winogrande = defineEvalTask<z.output<typeof schema>>({
  name: 'winogrande',
  version: 1,
  source: {
    dataSet: 'allenai/winogrande',
    config: 'winogrande_xl',
    split: 'validation',
    files: ['dev.jsonl', 'winogrande_1.1/dev.jsonl'],
  },
  schema,
  metrics: ['acc'],
  ...multipleChoice({
    choices({ sentence, option1, option2 }) {
      const gap = sentence.indexOf('_');
      const rest = strip(sentence.slice(gap + 1));
      return [option1, option2].map((option) => ({
        context: sentence.slice(0, gap) + option,
        continuation: ` ${rest}`,
        text: rest,
      }));
    },
    gold: ({ answer }) => Number(answer) - 1,
  }),
});
