/** What heads a report, by its runs. */
import type { RunConfig } from '../runs/run-config.js';
import { listWords, plural } from './format.js';

/** `quick: 9 models on mqar`, and the experiments' own words. */
export function headingOf(configs: readonly RunConfig[]): { readonly title: string; readonly description: string } {
  const distinct = (text: (config: RunConfig) => string) => [...new Set(configs.map(text))];
  const experiments = listWords(distinct(({ experiment }) => experiment));
  const models = plural(distinct(({ label }) => label).length, 'model');
  const tasks = listWords(distinct(({ task }) => task.name));
  return {
    title: `${experiments}: ${models} on ${tasks}`,
    description: distinct(({ description }) => description).join(' '),
  };
}
