/** What all families have in common: a backbone of equal layers between an embedding and a head. */
import type { LanguageModelConfig, LayerSpec, NormName } from '@mixerzoo/core';
import * as z from 'zod';
import { count } from './fields.js';
import { type StoredLayout, same } from './layout.js';
import type { UniformModel } from './uniform-model.js';

/** To spread into a schema. */
export const backboneFields = {
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  /** Left out, it shows in whether there is a head. */
  tie_word_embeddings: z.boolean().optional(),
};

type BackboneValues = z.output<z.ZodObject<typeof backboneFields>>;

/** The model of these fields. */
export function readBackbone(
  config: BackboneValues,
  layer: LayerSpec,
  parts: {
    readonly norm: NormName;
    readonly normEps: number;
    readonly dropout?: number | null | undefined;
    readonly hasHead: boolean;
  },
): LanguageModelConfig {
  const dropout = parts.dropout ?? 0;
  return {
    vocabSize: config.vocab_size,
    dModel: config.hidden_size,
    layers: Array.from({ length: config.num_hidden_layers }, () => layer),
    norm: parts.norm,
    normEps: parts.normEps,
    dropout: { embedding: dropout, residual: dropout },
    tieEmbeddings: config.tie_word_embeddings ?? !parts.hasHead,
  };
}

/** The fields of a model. */
export function writeBackbone({ vocabSize, dModel, nLayers, tied }: UniformModel): Required<BackboneValues> {
  return { vocab_size: vocabSize, hidden_size: dModel, num_hidden_layers: nLayers, tie_word_embeddings: tied };
}

/** The tensors of a model, those of a layer by its number. */
export function backboneTensors(
  { vocabSize, dModel, nLayers, tied }: UniformModel,
  names: { readonly embedding: string; readonly norm: readonly StoredLayout[]; readonly head: string },
  layer: (index: number) => readonly StoredLayout[],
): readonly StoredLayout[] {
  return [
    same(names.embedding, 'embedding.weight', [vocabSize, dModel]),
    ...Array.from({ length: nLayers }, (_, index) => layer(index)).flat(),
    ...names.norm,
    ...(tied ? [] : [same(names.head, 'head.weight', [vocabSize, dModel])]),
  ];
}
