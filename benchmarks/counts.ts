/**
 * `npm run bench:counts`: what a training step of every mixer counts up to (`step-counts.ts`), held to `step-counts.txt`: fails
 * and names what grew or fell. `--write` writes the file anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { mixerNames } from './step-case.js';
import { countSteps, differences, formatCounts, parseCounts } from './step-counts.js';

const FILE = new URL('step-counts.txt', import.meta.url);

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
// On poisoned memory, or by other means than our modules, functions are called otherwise.
Object.assign(process.env, { MIXERZOO_CHECK_KERNELS: '0', MIXERZOO_NATIVE: '0' });
const counts = await countSteps(await mixerNames());
if (values.write) writeFileSync(FILE, formatCounts(counts));
const changed = differences(parseCounts(readFileSync(FILE, 'utf8')), counts);
if (changed.length === 0) console.log(`${counts.size} counts, all as in benchmarks/step-counts.txt.`);
else {
  console.error(
    `bench:counts: expected the training steps of benchmarks/step-counts.txt, got others.\n${changed.join('\n')}\n` +
      'If that is as it should be, write the file anew: npm run bench:counts -- --write',
  );
}
process.exit(changed.length > 0 ? 1 : 0);
