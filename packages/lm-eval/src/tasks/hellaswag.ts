/** HellaSwag (Zellers et al. 2019, arXiv 1905.07830): which of four endings goes on. */
import * as z from 'zod';
import { capitalize, strip } from '../python-text.js';
import { defineEvalTask } from '../task.js';
import { choicesAfter, multipleChoice } from './multiple-choice.js';

const schema = z.object({
  activity_label: z.string(),
  ctx_a: z.string(),
  ctx_b: z.string(),
  endings: z.array(z.string()).length(4),
  label: z.union([z.string().regex(/^[0-3]$/), z.int().min(0).max(3)]).transform(Number),
});

/** Without what is left of WikiHow's brackets. */
function cleaned(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}

export const hellaswag = defineEvalTask<z.output<typeof schema>>({
  name: 'hellaswag',
  version: 1,
  source: { dataSet: 'Rowan/hellaswag', split: 'validation', files: ['hellaswag_val.jsonl'] },
  schema,
  metrics: ['acc', 'acc_norm'],
  ...multipleChoice({
    choices: ({ activity_label, ctx_a, ctx_b, endings }) =>
      choicesAfter(cleaned(`${activity_label}: ${ctx_a} ${capitalize(ctx_b)}`), endings.map(cleaned)),
    gold: ({ label }) => label,
  }),
});
