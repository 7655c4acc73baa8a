/** Settings of `train` that stand in place of others, such as a budget in tokens in place of one in steps. */
import { InvalidConfigError } from '@mixerzoo/core';
import { isPlain } from './config-text.js';

const ALTERNATIVES = [
  [
    ['tokens', 'evaluations'],
    ['epochs', 'stepsPerEpoch'],
  ],
  [['warmupTokens'], ['warmupSteps']],
  [['validationTokens'], ['validationExamples']],
  [['testTokens'], ['testExamples']],
] as const;

type Config = Readonly<Record<string, unknown>>;

/**
 * What lies under a config, without the settings that the config's own stand in place of.
 * @param where - of the config on top.
 * @throws InvalidConfigError if that one has both: one of them would do nothing.
 */
export function giveWay(under: Config, over: Config, where: string): Record<string, unknown> {
  const own = isPlain(over['train']) ? over['train'] : {};
  const dropped = ALTERNATIVES.flatMap(([some, others]) => {
    const [a, b] = [some, others].map((keys) => keys.filter((key) => own[key] !== undefined)) as [string[], string[]];
    if (a.length > 0 && b.length > 0) {
      throw new InvalidConfigError(
        `${where}: train: expected ${some.join(' and ')} or ${others.join(' and ')}, got ${[...a, ...b].join(' and ')}. Leave one side out.`,
      );
    }
    return a.length > 0 ? [...others] : b.length > 0 ? [...some] : [];
  }) as readonly string[];
  if (!isPlain(under['train'])) return { ...under };
  const kept = Object.entries(under['train']).filter(([key]) => !dropped.includes(key));
  return { ...under, train: Object.fromEntries(kept) };
}

/** The settings of `train` in which a config differs from what it was made of. */
export function changedSettings(before: Config, after: Config): Config {
  const [from, to] = [before['train'], after['train']].map((train) => (isPlain(train) ? train : {})) as [
    Config,
    Config,
  ];
  return { train: Object.fromEntries(Object.entries(to).filter(([key, value]) => value !== from[key])) };
}
