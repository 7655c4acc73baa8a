/**
 * "Based, 2 layers": the composition that the literature's multi-query recall figures call Based. BaseConv with
 * W = 3 shifts and gates neighbouring tokens in one layer, Taylor attention recalls in the other; no sliding window.
 *
 * The entries are the sequence mixers of a model's layers as configs know them, without `dModel`, which the model
 * fills in.
 */

/** A layer's sequence mixer by name, with its options. */
export interface MixerLayer {
  readonly mixer: string;
  readonly [option: string]: string | number | boolean;
}

/** The layers of the recall benchmark's Based: `[baseConv, based]`. Other feature dimensions in use: 16 and 24. */
export function basedTwoLayers(options: { featureDim?: number; nHeads?: number } = {}): MixerLayer[] {
  const { featureDim = 8, nHeads = 1 } = options;
  return [
    { mixer: 'baseConv', dConv: 3, residual: true },
    { mixer: 'based', featureDim, nHeads },
  ];
}

/**
 * The layers of the Based language model: BaseConv, Taylor attention, and sliding-window attention (the mixer
 * `slidingWindow` of `@mixerzoo/attention`), repeated.
 *
 * @param window - tokens a query sees, itself included.
 */
export function basedLanguageModelLayers(options: {
  repeats: number;
  window?: number;
  featureDim?: number;
  nHeads?: number;
}): MixerLayer[] {
  const { repeats, window = 64, featureDim = 16, nHeads = 1 } = options;
  const group: MixerLayer[] = [...basedTwoLayers({ featureDim, nHeads }), { mixer: 'slidingWindow', window, nHeads }];
  return Array.from({ length: repeats }, () => group).flat();
}
