/** Short filters around every mixer that is installed, and docs/short-filters.md, which says where each has a place for them. */
import { readFileSync } from 'node:fs';
import { createLanguageModel, disposeState, type LayerSpec, type Mixer, tf, useEngine } from '@mixerzoo/core';
import { expectClose } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { discoverPlugins } from './plugins.js';

const { mixers } = await discoverPlugins(process.cwd());
const ours = mixers.filter(({ packageName }) => packageName.startsWith('@mixerzoo/'));
const [D, L] = [16, 9];
const make = (name: string): Mixer => {
  const factory = ours.find((entry) => entry.name === name)?.part as unknown as (config: object) => Mixer;
  return factory({ dModel: D });
};

beforeAll(async () => {
  await useEngine();
});

const modelOf = (sequenceMixer: Mixer, shortFilters: LayerSpec['shortFilters'] = {}) => {
  const layer = { sequenceMixer, channelMixer: 'swiGlu' as const, shortFilters };
  const dropout = { embedding: 0, residual: 0 };
  return createLanguageModel({ vocabSize: 11, dModel: D, layers: [layer, layer], dropout });
};

/** Logits of all tokens: in the parallel form; after a prefill, by step. */
async function expectSameForms(model: ReturnType<typeof modelOf>): Promise<void> {
  const params = model.init(2);
  const ids = tf.tensor2d(
    Int32Array.from({ length: 2 * L }, (_, at) => (7 * at + 3) % 11),
    [2, L],
    'int32',
  );
  const parallel = tf.tidy(() => model.logits(params, model.hidden(params, ids)));
  const filled = model.prefill(params, ids.slice([0, 0], [-1, 2]));
  const logits = [filled.logits];
  let { state } = filled;
  for (let t = 2; t < L; t += 1) {
    const next = model.step(params, ids.slice([0, t], [-1, 1]).reshape([2]), state);
    logits.push(next.logits);
    state = next.state;
  }
  disposeState(state);
  await expectClose(tf.stack(logits, 1), parallel.slice([0, 1, 0]), 1e-4);
}

describe.each(ours.map(({ name }) => name))('%s', (name) => {
  const mixer = make(name);

  it('takes filters at A, C and D, in every form', async () => {
    const model = modelOf(mixer, { A: true, C: { width: 2 }, D: { activation: 'silu' } });
    await expectSameForms(model);
    const rows = 3 * D + D + 3 * 2 * 48; // A, C, and D of gate and up
    expect(model.stateSize(L) - modelOf(mixer).stateSize(L)).toBe(2 * rows);
  });

  if (!mixer.withFilters) {
    it('says that it has no place for others at B', () => {
      expect(() => modelOf(mixer, { B: true })).toThrow(/no place|with a place for filters on what it projects \(B\)/);
    });
    return;
  }

  it('has filters at B: on, off and of any width, in every form', async () => {
    for (const width of [1, 2, 8]) await expectSameForms(modelOf(mixer, { B: { width } }));
    await expectSameForms(modelOf(mixer, { A: true, B: false }));
    const count = (B: boolean | { width: number }) => modelOf(mixer, { B }).parameterCount;
    expect(count({ width: 8 })).toBeGreaterThan(count({ width: 2 }));
    expect(count(true)).toBeGreaterThan(count(false));
    const off = mixer.withFilters?.(false) as Mixer;
    expect(off.withFilters?.(false).config).toEqual(off.config);
  });
});

it('leaves filters as they are that a mixer has by default', () => {
  for (const name of [
    'cat',
    'deltaNet',
    'gatedDeltaNet',
    'kimiDeltaAttention',
    'mamba',
    'mamba2',
    'hyena',
    'landmarkCat',
  ]) {
    const mixer = make(name);
    expect(mixer.withFilters?.(true).config, name).toEqual(mixer.config);
  }
  const { config } = make('deltaNet');
  expect(config).toMatchObject({ filters: 'perChannel', filterWidth: 4, filterInit: 'uniform', filterResidual: false });
  expect(make('deltaNet').withFilters?.(false).withFilters?.(true).config).toMatchObject({
    filters: 'perChannel',
    filterWidth: 4,
  });
});

it('says what a mixer cannot be told', () => {
  expect(() => modelOf(make('mamba'), { B: { residual: true } })).toThrow(
    'layers.0.shortFilters.B: mamba: expected of its own filters no other options than width, got residual. Leave it out: the rest is as the mixer has it.',
  );
  expect(() => modelOf(make('deltaNet'), { B: { activation: 'silu' } })).toThrow(
    /deltaNet: expected of its own filters no other options than kind, width, init, residual, got activation/,
  );
});

it('documents which mixers have a place at B', () => {
  const page = readFileSync(new URL('../../../docs/short-filters.md', import.meta.url), 'utf8');
  const rows =
    page
      .split('## B of each mixer')[1]
      ?.split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('| `')) ?? [];
  const documented = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const having = ours.filter(({ name }) => make(name).withFilters).map(({ name }) => name);
  expect(documented.sort()).toEqual(having.sort());
});
