/**
 * No training step does more than it did: calls, tensors and memory of a step of every mixer on the wasm engine are those of
 * `benchmarks/step-counts.txt` (`npm run bench:counts`). Counts, so no clock can make it fail.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useEngine } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { differences, formatCounts, parseCounts } from '../../../../benchmarks/step-counts.js';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));

describe('a training step', () => {
  it('counts up to what is written down', async (context) => {
    const { name } = await useEngine();
    if (name !== 'wasm') return context.skip(`what is counted is the wasm engine's, this is ${name}`);
    const command = ['--conditions=@mixerzoo/source', '--import', 'tsx', 'benchmarks/counts.ts'];
    const complaint = await promisify(execFile)(process.execPath, command, { cwd: REPOSITORY }).then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    );
    expect(complaint).toBe('');
  }, 300_000);

  it('is told apart by what grew and what fell', () => {
    const before = parseCounts('cat kernel Add: 7\ncat tensors: 127\ncat function old: 1\n');
    const now = parseCounts('cat kernel Add: 9\ncat tensors: 120\ncat function new: 2\n');
    expect(differences(before, before)).toEqual([]);
    expect(differences(before, now)).toEqual([
      'cat kernel Add grew from 7 to 9',
      'cat tensors fell from 127 to 120',
      'cat function old fell from 1 to 0',
      'cat function new grew from 0 to 2',
    ]);
    expect(parseCounts(formatCounts(now))).toEqual(now);
  });
});
