/** Experiments as the text of a config file, and back. */
import type { ExperimentConfig } from '@mixerzoo/bench/plan';

/** Bytes of a config at most. */
const MOST_BYTES = 2 ** 16;

/** YAML that `mixerzoo run` accepts. */
export async function configText(experiment: ExperimentConfig): Promise<string> {
  const { stringify } = await import('yaml');
  return `# mixerzoo run playground.yaml\n${stringify(experiment, { lineWidth: 120 })}`;
}

/** @throws Error that says what was expected. */
export async function parseConfig(text: string): Promise<ExperimentConfig> {
  if (text.length > MOST_BYTES)
    throw new Error(`Expected a config of at most ${MOST_BYTES} characters, got ${text.length}.`);
  const { parse } = await import('yaml');
  const experiment = parse(text) as unknown;
  if (typeof experiment !== 'object' || experiment === null || !('models' in experiment) || !('task' in experiment)) {
    throw new Error('Expected a config with task and models, got something else.');
  }
  if ('extends' in experiment) {
    throw new Error(
      `Expected a whole config, got one that extends '${String(experiment.extends)}'. Write out its task and its models, which may extend recipes.`,
    );
  }
  return experiment as ExperimentConfig;
}
