/** LLaMA's gated perceptron, which GLA and Transformer++ have too. */
import { linear, type StoredLayout, stacked } from './layout.js';
import { type Part, requirePart } from './uniform-model.js';

/** Its hidden width. @throws InvalidConfigError for another channel mixer. */
export function swiGluWidth(where: string, channel: Part | undefined): number {
  return requirePart(where, 'the channel mixer', channel, ['swiGlu']).config['dHidden'] as number;
}

/** `gate_proj`, `up_proj` and `down_proj`; with `merged`, `gate_proj` holds the rows of both. */
export function swiGluTensors(
  name: string,
  path: string,
  { dModel, dHidden }: { readonly dModel: number; readonly dHidden: number },
  merged = false,
): readonly StoredLayout[] {
  const [gate, up] = [`${path}.gateProj`, `${path}.upProj`];
  return [
    ...(merged
      ? [
          stacked(`${name}.gate_proj.weight`, dModel, [
            [`${gate}.weight`, dHidden],
            [`${up}.weight`, dHidden],
          ]),
        ]
      : [...linear(`${name}.gate_proj`, gate, [dModel, dHidden]), ...linear(`${name}.up_proj`, up, [dModel, dHidden])]),
    ...linear(`${name}.down_proj`, `${path}.downProj`, [dHidden, dModel]),
  ];
}

/** The hidden width where flash-linear-attention's config.json gives a ratio: a multiple of 256. */
export function widthOfRatio(dModel: number, ratio: number): number {
  return 256 * Math.ceil(Math.trunc((dModel * ratio * 2) / 3) / 256);
}
