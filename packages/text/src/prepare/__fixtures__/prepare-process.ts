/** Prepares data in a process of its own, which says how far it is, and goes on when it is told to: arguments are JSON. */

import { readSync } from 'node:fs';
import { byteTokenizer } from '../../tokenizers/bytes.js';
import { prepareData } from '../prepare.js';

const { files, out } = JSON.parse(process.argv[2]!) as { files: string[]; out: string };
let last = '';
await prepareData({
  files,
  out,
  tokenizer: byteTokenizer(),
  shardTokens: 50_000,
  recordSeconds: 0,
  onProgress({ phase, documents }) {
    const line = `${phase} ${Math.floor(documents / 10)}`;
    if (line === last) return;
    last = line;
    process.stdout.write(`${line}\n`);
    readSync(0, Buffer.alloc(1)); // or it is killed here
  },
});
process.stdout.write('done\n');
