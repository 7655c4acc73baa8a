/** `npm run docs:picture`: draws docs/images/quick.svg, the picture of the README, from benchmarks/results/quick.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { resultsFile } from './docs-table.js';
import { drawRecall } from './recall-chart.js';
import type { RecallResults } from './recall-table.js';
import { repositoryFile } from './repository.js';

const results: RecallResults = JSON.parse(await readFile(resultsFile('quick'), 'utf8'));
await writeFile(repositoryFile('docs/images/quick.svg'), await drawRecall(results));
console.log('docs/images/quick.svg, of benchmarks/results/quick.json');
