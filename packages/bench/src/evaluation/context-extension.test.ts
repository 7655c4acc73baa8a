/** Models at lengths they were not trained at. */
import { attention } from '@mixerzoo/attention';
import { createLanguageModel } from '@mixerzoo/core';
import { expect, it } from 'vitest';
import { discoverPlugins } from '../plugins.js';
import { extendModel } from './context-extension.js';

const model = (contextExtension?: { method: 'interpolation'; factor: number; originalLength: number }) =>
  createLanguageModel({
    vocabSize: 8,
    dModel: 8,
    layers: [
      { sequenceMixer: attention({ dModel: 8, positional: 'rope', ...(contextExtension && { contextExtension }) }) },
    ],
  });

it('stretches positions beyond the trained length, and never what is stretched', async () => {
  const registry = await discoverPlugins(process.cwd());
  const extended = (of: ReturnType<typeof model>, length: number) =>
    extendModel(of, 'interpolation+temperature', { trained: 16, length }, registry);
  const own = model();
  expect(await extended(own, 16)).toBe(own);
  expect(JSON.stringify((await extended(own, 64)).config)).toContain('"factor":4');
  const stretched = model({ method: 'interpolation', factor: 2, originalLength: 8 });
  expect(await extended(stretched, 16)).toBe(stretched);
  await expect(extended(stretched, 64)).rejects.toThrow(
    /^--extend: expected a model whose positions are as they were trained, got one with a contextExtension\./,
  );
});
