/**
 * WikiText-2 (Merity et al. 2016, arXiv 1609.07843): how likely its pages are, by rolling windows. Words and bytes are those of the page
 * before it is detokenized.
 */
import * as z from 'zod';
import { splitWords, strip, WHITE_SPACE } from '../python-text.js';
import { defineEvalTask, type Row } from '../task.js';

const schema = z.object({ page: z.string() });

const spaces = `[${WHITE_SPACE}]*`;
/** Strips what stands between two signs of white space at either end. */
const within = (open: string, close: string): [RegExp, string] => {
  return [new RegExp(`\\${open}${spaces}([^\\${close}]*?)${spaces}\\${close}`, 'g'), `${open}$1${close}`];
};

/** In this order. */
const REPLACEMENTS: readonly (readonly [string | RegExp, string])[] = [
  ["s '", "s'"],
  [/\/' [0-9]\//g, "/'[0-9]/"], // the harness's slip: these slashes are signs
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  ...[':', ';', '.', '!', '?', ','].map((sign) => [` ${sign} `, `${sign} `] as const),
  within('(', ')'),
  within('[', ']'),
  within('{', '}'),
  within('"', '"'),
  within("'", "'"),
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' ° ', '°'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
];

/** The text as it was before it was tokenized, nearly: what is scored. */
function detokenize(page: string): string {
  return REPLACEMENTS.reduce((text, [from, to]) => text.replaceAll(from, to), page);
}

/** Pages of a file of lines, `wiki.test.raw`: a heading of the first level, ` = Robert Boulter = `, begins one. */
function pagesOf(lines: readonly string[]): string[] {
  const pages: string[] = [];
  let page: string[] = [];
  const emit = () => {
    const text = page.join('\n');
    if (strip(text) !== '') pages.push(text);
    page = [];
  };
  for (const line of lines) {
    const heading = strip(line.replaceAll('= = =', '===').replaceAll('= =', '=='));
    if (heading.startsWith('= ') && heading.endsWith(' =')) emit();
    page.push(line);
  }
  emit();
  return pages;
}

/**
 * Lines of the published file, or of the data set `wikitext`, which leaves the space of a blank one out, as pages. The newline at the
 * file's end counts as a line begun.
 */
function adapt(rows: readonly Row[]): readonly Row[] {
  if (!rows.every((row): row is { text: string } => typeof row['text'] === 'string')) return rows;
  const lines = rows.map(({ text }) => (text === '' ? ' ' : text.replace(/\n$/, '')));
  return pagesOf([...lines, '']).map((page) => ({ page }));
}

export const wikitext = defineEvalTask<z.output<typeof schema>>({
  name: 'wikitext',
  version: 2,
  source: {
    dataSet: 'EleutherAI/wikitext_document_level',
    config: 'wikitext-2-raw-v1',
    split: 'test',
    files: ['wiki.test.raw', 'wikitext-2-raw/wiki.test.raw'],
  },
  schema,
  adapt,
  metrics: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  requests: ({ page }) => [{ kind: 'rolling', text: detokenize(page) }],
  items({ page }, [answer]) {
    const logLikelihood = answer?.logLikelihood as number;
    const bytes = new TextEncoder().encode(page).length;
    return {
      word_perplexity: [logLikelihood, splitWords(page).length],
      byte_perplexity: [logLikelihood, bytes],
      bits_per_byte: [logLikelihood, bytes],
    };
  },
});
