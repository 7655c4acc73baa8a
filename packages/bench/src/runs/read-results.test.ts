import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidConfigError } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { loadRuns } from './read-results.js';

const FIXTURES = fileURLToPath(new URL('../__fixtures__/runs', import.meta.url));

function copyOfFixtures(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-results-'));
  cpSync(FIXTURES, directory, { recursive: true });
  return directory;
}

describe('loadRuns', () => {
  it('reads done, failed and partial runs below a directory, in order', async () => {
    const runs = await loadRuns(FIXTURES);
    expect(runs.map(({ config, result }) => [config.label, config.learningRate, result?.status])).toEqual([
      ['Attention, 1 layer', 0.01, undefined],
      ['Attention, 2 layers', 0.01, 'done'],
      ['CAT, 1 layer', 0.01, 'done'],
      ['CAT, 1 layer', 1e6, 'failed'],
      ['LinCAT, 1 layer', 0.01, 'done'],
    ]);
    expect(runs[1]?.epochs).toHaveLength(16);
    expect(runs[1]?.steps).toHaveLength(80);
  });

  it('passes by what other programs call config.json, and names a run of another format', async () => {
    const root = copyOfFixtures();
    writeFileSync(join(root, 'config.json'), '{"model_type": "gpt2"}');
    const runs = await loadRuns(root);
    expect(runs).toHaveLength(5);
    const path = join(runs[0]?.directory as string, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"format": 2', '"format": 3'));
    await expect(loadRuns(root)).rejects.toThrow(/expected a run of format 2, got 3/);
  });

  it('reads a single run directory', async () => {
    const [first] = await loadRuns(FIXTURES);
    expect(await loadRuns(first?.directory as string)).toEqual([first]);
  });

  it('leaves out a last line cut short, and names a damaged one', async () => {
    const [run] = await loadRuns(copyOfFixtures());
    const path = join(run?.directory as string, 'metrics.jsonl');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, `${text}{"kind":"step","st`);
    expect((await loadRuns(run?.directory as string))[0]?.steps).toEqual(run?.steps);
    writeFileSync(path, `${text}{"kind":"step","st\n`);
    await expect(loadRuns(run?.directory as string)).rejects.toThrow(
      /metrics\.jsonl line \d+: expected a record of a run, got/,
    );
  });

  it('names a file that is not JSON, and a directory that is not there', async () => {
    const [run] = await loadRuns(copyOfFixtures());
    writeFileSync(join(run?.directory as string, 'result.json'), '{"status": "do');
    await expect(loadRuns(run?.directory as string)).rejects.toThrow(
      /result\.json: expected a record of a run, got .*writes it again, from the checkpoint/,
    );
    await expect(loadRuns(join(FIXTURES, 'nowhere'))).rejects.toThrow(
      /nowhere: expected a directory of runs, got ENOENT/,
    );
    await expect(loadRuns(join(run?.directory as string, 'metrics.jsonl'))).rejects.toThrow(InvalidConfigError);
  });
});
