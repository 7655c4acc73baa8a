/** PIQA (Bisk et al. 2020, arXiv 1911.11641): which of two solutions reaches a goal. */
import * as z from 'zod';
import { defineEvalTask } from '../task.js';
import { choicesAfter, multipleChoice } from './multiple-choice.js';

const schema = z.object({ goal: z.string(), sol1: z.string(), sol2: z.string(), label: z.int().min(0).max(1) });

export const piqa = defineEvalTask<z.output<typeof schema>>({
  name: 'piqa',
  version: 1,
  source: { dataSet: 'baber/piqa', split: 'validation', files: ['dev.jsonl', 'piqa-dev.jsonl', 'valid.jsonl'] },
  schema,
  metrics: ['acc', 'acc_norm'],
  ...multipleChoice({
    choices: ({ goal, sol1, sol2 }) => choicesAfter(`Question: ${goal}\nAnswer:`, [sol1, sol2]),
    gold: ({ label }) => label,
  }),
});
