import { readFileSync } from 'node:fs';
import { writeSafetensors } from '@mixerzoo/core/safetensors';
import { expect, it } from 'vitest';
import { type NamedFile, openFiles } from './open-run.js';

const RUN = new URL(
  '../../../packages/bench/src/__fixtures__/runs/quick/cat-1-layer-lr0.01-s0-73f3de3f2b63/',
  import.meta.url,
);
const file = (path: string, content: Uint8Array | string): NamedFile => ({
  path,
  file: new Blob([content as Uint8Array<ArrayBuffer>]),
});
const recorded = (name: string) => file(`run/${name}`, readFileSync(new URL(name, RUN)));

it("opens a run's folder, with what it scored and its weights", async () => {
  const files = [
    recorded('config.json'),
    recorded('result.json'),
    recorded('metrics.jsonl'),
    file('run/checkpoint/model.safetensors', new Uint8Array([1, 2, 3])),
  ];
  const opened = await openFiles(files);
  const [run] = 'runs' in opened ? opened.runs : [];
  expect(run?.label).toBe('CAT, 1 layer');
  expect(run?.source).toMatchObject({
    kind: 'record',
    config: { learningRate: 0.01, seed: 0 },
    weights: new Uint8Array([1, 2, 3]),
  });
  expect(run?.recorded?.map(({ seqLen }) => seqLen)).toEqual([32, 64, 128, 256, 512]);
});

it('opens weights of the page by the config in them, and configs as text', async () => {
  const weights = writeSafetensors([], { config: JSON.stringify({ seed: 5 }) });
  const opened = await openFiles([file('mine.safetensors', weights)]);
  expect('runs' in opened && opened.runs[0]).toMatchObject({
    label: 'mine',
    source: { kind: 'record', config: { seed: 5 } },
  });
  expect(await openFiles([file('a.yaml', 'task: {}')])).toEqual({ config: 'task: {}' });
});

it.each([
  [[file('run/config.json', '{"format": 2}')], /run\/config.json: expected the record of a run, got one with id/],
  [[file('run/config.json', '{')], /expected JSON, got a fault/],
  [[file('other.safetensors', writeSafetensors([]))], /expected weights that this page has saved/],
  [[file('photo.png', '')], /Expected a run's folder .* got photo.png/],
  [[], /got nothing/],
])('says what it expected of %j', async (files, message) => {
  await expect(openFiles(files)).rejects.toThrow(message);
});
