/** The results of `bench:controls` as Markdown. */
import type { Control, Difference } from './control.js';

/** Where the tables stand. */
export const CONTROLS_DOCUMENT = 'docs/reproducing-the-paper.md';

/** What a file of results holds. */
export interface ControlResults {
  readonly header: string;
  readonly controls: readonly Control[];
}

/** Rows of the curves: so many steps between them. */
const STEPS_BETWEEN = 25;

/** A line for each model, then both curves. */
export function controlsMarkdown({ header, controls }: ControlResults): string {
  const relative = (difference: Difference) => difference.relative.toExponential(1);
  const differences = controls.map(
    ({ label, parameters, difference: { losses, norms, rates }, rounding }) =>
      `| ${label} | ${parameters.toLocaleString('en')} | ${relative(losses)} | ${losses.step} | ${relative(norms)} | ${relative(rates)} | ${relative(rounding)} |`,
  );
  const steps = controls[0]?.losses.ours.length ?? 0;
  const shown = Array.from({ length: steps }, (_, index) => index + 1).filter(
    (step) => step === 1 || step % STEPS_BETWEEN === 0,
  );
  const curves = shown.map((step) => {
    const at = (losses: readonly number[]) => losses[step - 1]?.toPrecision(6) ?? '';
    return `| ${step} | ${controls.map(({ losses }) => `${at(losses.ours)} | ${at(losses.torch)}`).join(' | ')} |`;
  });
  return [
    header,
    '',
    '| model | parameters | largest relative difference of a loss | at step | of a gradient norm | of a learning rate | of PyTorch from itself in float64, losses |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...differences,
    '',
    `| loss at step | ${controls.map(({ label }) => `${label}, ours | PyTorch`).join(' | ')} |`,
    `|---:|${controls.map(() => '---:|---:|').join('')}`,
    ...curves,
  ].join('\n');
}
