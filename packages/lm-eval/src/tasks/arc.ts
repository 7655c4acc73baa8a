/** ARC (Clark et al. 2018, arXiv 1803.05457): questions of science with three to five choices, an easy set and a challenge. */
import * as z from 'zod';
import { defineEvalTask, type Row } from '../task.js';
import { choicesAfter, multipleChoice } from './multiple-choice.js';

const schema = z
  .object({
    question: z.string(),
    choices: z.object({ text: z.array(z.string()).min(1), label: z.array(z.string()) }),
    answerKey: z.string(),
  })
  .refine(({ choices, answerKey }) => choices.label.includes(answerKey), 'expected an answerKey among choices.label')
  .refine(({ choices }) => choices.label.length === choices.text.length, 'expected as many labels as choices');

/** A row of AI2's own files has its question and choices in one. */
const original = z.object({
  question: z.object({ stem: z.string(), choices: z.array(z.object({ text: z.string(), label: z.string() })) }),
  answerKey: z.string(),
});

function flattened(row: Row): Row {
  const parsed = original.safeParse(row);
  if (!parsed.success) return row;
  const { question, answerKey } = parsed.data;
  const column = (key: 'text' | 'label') => question.choices.map((choice) => choice[key]);
  return { question: question.stem, choices: { text: column('text'), label: column('label') }, answerKey };
}

const arc = (name: string, config: string) =>
  defineEvalTask<z.output<typeof schema>>({
    name,
    version: 1,
    source: {
      dataSet: 'allenai/ai2_arc',
      config,
      split: 'test',
      files: [
        `${config}-Test.jsonl`,
        `${config}/${config}-Test.jsonl`,
        `ARC-V1-Feb2018-2/${config}/${config}-Test.jsonl`,
      ],
    },
    schema,
    metrics: ['acc', 'acc_norm'],
    adapt: (rows) => rows.map(flattened),
    ...multipleChoice({
      choices: ({ question, choices }) => choicesAfter(`Question: ${question}\nAnswer:`, choices.text),
      gold: ({ choices, answerKey }) => choices.label.indexOf(answerKey),
    }),
  });

export const arcEasy = arc('arc_easy', 'ARC-Easy');
export const arcChallenge = arc('arc_challenge', 'ARC-Challenge');
