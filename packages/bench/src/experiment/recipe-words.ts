/** A recipe in words: apart from what trains, whose code is part of a run's identity. */
import { listWords, plural } from '../report/format.js';
import type { RunLayer, TrainSettings } from '../runs/run-config.js';

/** `weight decay 0.1 of matrices`, then what differs from AdamW's usual settings. */
export function optimizerInWords({ weightDecay, decayed, beta1, beta2, eps, noDecay, factors }: TrainSettings) {
  return [
    `weight decay ${weightDecay}${decayed === 'matrices' && weightDecay > 0 ? ' of matrices' : ''}`,
    ...(beta1 === 0.9 && beta2 === 0.999 ? [] : [`betas ${beta1} and ${beta2}`]),
    ...(eps === 1e-8 ? [] : [`eps ${eps}`]),
    ...(noDecay && noDecay.length > 0 ? [`no decay of ${listWords(noDecay)}`] : []),
    ...factorsInWords(factors),
  ];
}

/** What mixers declare of rates and decays, in place of which those of the recipe count: `rwkv7 declares 2 times the rate for w0`. */
export function declaredInWords(layers: readonly Pick<RunLayer, 'mixer' | 'factors'>[]): string[] {
  return [
    ...new Set(
      layers.flatMap(({ mixer, factors }) => factorsInWords(factors).map((words) => `${mixer} declares ${words}`)),
    ),
  ];
}

function factorsInWords(factors: TrainSettings['factors']): string[] {
  return Object.entries(factors ?? {}).map(([pattern, { learningRate = 1, weightDecay = 1 }]) =>
    [
      ...(learningRate === 1 ? [] : [`${learningRate} times the rate`]),
      ...(weightDecay === 1 ? [] : [`${weightDecay} times the decay`]),
    ]
      .join(' and ')
      .concat(` for ${pattern}`),
  );
}

/** ` falling to 0 by a cosine`, to follow a learning rate; empty where it stays. */
export function fallInWords({ schedule, minLearningRate }: TrainSettings): string {
  return schedule === 'constant' ? '' : ` falling to ${minLearningRate} by a cosine`;
}

/** `300 steps of warm-up`, from what if not from 0; empty without. */
export function warmupInWords({ warmupSteps, warmupFrom = 0 }: TrainSettings): string[] {
  if (warmupSteps === 0) return [];
  return [`${plural(warmupSteps, 'step')} of warm-up${warmupFrom > 0 ? ` from ${warmupFrom}` : ''}`];
}
