/** Prepares data in a process of its own, which says how far it is: arguments are JSON. */

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
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100); // time to be killed in
  },
});
process.stdout.write('done\n');
