import { useEngine } from '@mixerzoo/core';
import { createCaseTrainer } from './step-case.js';
await useEngine('wasm');
const steps = 60;
const trainer = await createCaseTrainer({ mixer: 'cat', seqLen: 64, dModel: 64, vocabSize: Number(process.argv[2] ?? 512), batchSize: 64 }, steps);
const times: number[] = [];
await trainer.runEpoch({ onStep({ step, seconds }) { if (step === 10) (globalThis as any).__log = new Map(); times.push(seconds * 1000); } });
times.sort((a, b) => a - b);
let sum = 0;
for (const [k, e] of (globalThis as any).__log ?? []) { sum += e.least * e.calls / 50; console.log(k.padEnd(40), 'calls/step', (e.calls / 50).toFixed(1), 'divided', e.divided, '/', e.calls, 'least', e.least.toFixed(3), 'x calls', (e.least * e.calls / 50).toFixed(2)); }
console.log('sum of least', sum.toFixed(2), 'step least', times[0]?.toFixed(2), 'quartile', times[15]?.toFixed(2));
process.exit(0);
