/** The models side by side: how each stands, and curves of all. */
import type { OpenedRun } from '../open-run.js';
import type { Training } from '../trainings.js';
import { Chart, type Series, Swatch } from './chart.js';
import type { Playground } from './use-playground.js';

const percent = (share: number) => `${share === 1 ? 100 : (100 * share).toFixed(1)} %`;

export function Trainers({ playground }: { readonly playground: Playground }) {
  const { labels, trainings, state, reset, opened } = playground;
  const { all, running } = trainings;
  const isDone = all.every(({ status }) => status === 'done' || status === 'failed');
  const steps = Math.max(state.steps, ...all.map(({ started }) => started?.steps ?? 0));
  const losses = all.flatMap(({ steps: points }) => points.map(({ loss }) => loss));
  const guess = opened.length === 0 ? { y: 1 / state.pairs, label: 'a guess among the values shown' } : undefined;
  return (
    <section aria-labelledby="train-title">
      <div class="bar">
        <h2 id="train-title">Train</h2>
        <div class="buttons">
          <button type="button" class="primary" disabled={isDone} onClick={() => trainings.go(!running)}>
            {running && !isDone ? 'Pause' : 'Go on'}
          </button>
          <button type="button" disabled={isDone} onClick={() => trainings.step()}>
            Step
          </button>
          <button type="button" onClick={reset}>
            Start over
          </button>
        </div>
      </div>
      <ul class="models">
        {labels.map((label, index) => (
          <Standing
            key={label}
            index={index}
            label={label}
            training={all[index]}
            steps={steps}
            recorded={opened[index]?.recorded}
          />
        ))}
      </ul>
      <div class="charts">
        <Chart
          title="Accuracy on examples never seen"
          series={curves(labels, all, ({ evaluations }) =>
            evaluations.map(({ step, validation }) => [step, validation.accuracy]),
          )}
          x={stepAxis(steps)}
          y={SHARE}
          rule={guess}
        />
        <Chart
          title="Loss of each batch"
          series={curves(labels, all, ({ steps: points }) => points.map(({ step, loss }) => [step, loss]))}
          x={stepAxis(steps)}
          y={lossAxis(losses)}
        />
        <Chart
          title="Accuracy at longer lengths, with more pairs"
          series={curves(labels, all, ({ evaluations }) =>
            (evaluations.at(-1)?.test ?? []).map(({ seqLen, accuracy }) => [seqLen, accuracy]),
          )}
          x={lengthAxis(all)}
          y={SHARE}
          marks
        />
      </div>
    </section>
  );
}

function Standing({
  index,
  label,
  training,
  steps,
  recorded,
}: {
  readonly index: number;
  readonly label: string;
  readonly training: Training | undefined;
  readonly steps: number;
  readonly recorded: OpenedRun['recorded'];
}) {
  const evaluation = training?.evaluations.at(-1);
  const last = training?.steps.at(-1);
  const step = last?.step ?? evaluation?.step ?? 0;
  const at99 = training?.evaluations.find(({ validation }) => validation.accuracy >= 0.99)?.step;
  return (
    <li
      class={`model s${index}`}
      data-status={training?.status}
      data-step={step}
      data-engine={training?.started?.engine}
      data-accuracy={evaluation?.validation.accuracy}
      data-lengths={evaluation?.test.map(({ accuracy }) => accuracy).join(' ')}
    >
      <p class="name">
        <Swatch index={index} /> {label}
      </p>
      <p class="score">
        <strong>{evaluation ? percent(evaluation.validation.accuracy) : '–'}</strong>
        <span>{at99 ? `99 % after ${at99} steps` : statusText(training)}</span>
      </p>
      <progress max={steps} value={step} aria-label={`${label}: step ${step} of ${steps}`} />
      <dl class="facts">
        <div>
          <dt>step</dt>
          <dd>{step}</dd>
        </div>
        <div>
          <dt>loss</dt>
          <dd>{last ? last.loss.toFixed(3) : '–'}</dd>
        </div>
        <div>
          <dt>ms a step</dt>
          <dd>{last ? last.milliseconds.toFixed(1) : '–'}</dd>
        </div>
        <div>
          <dt>parameters</dt>
          <dd>{training?.started?.parameters.toLocaleString('en') ?? '–'}</dd>
        </div>
      </dl>
      {recorded && (
        <p class="muted">
          Its record: {recorded.map(({ seqLen, accuracy }) => `${percent(accuracy)} at ${seqLen}`).join(', ')} tokens.
        </p>
      )}
      {training?.started?.passedOver && <p class="muted">It trains by wasm: {training.started.passedOver}</p>}
      {training?.fault && (
        <p class="notice" role="alert">
          {training.fault}
        </p>
      )}
    </li>
  );
}

function statusText(training: Training | undefined): string {
  if (!training || training.status === 'starting') return 'starting';
  return { training: 'training', resting: 'resting', done: 'trained', failed: 'stopped' }[training.status];
}

const curves = (
  labels: readonly string[],
  all: readonly Training[],
  points: (training: Training) => readonly (readonly [number, number])[],
): Series[] => labels.map((label, index) => ({ label, points: all[index] ? points(all[index]) : [] }));

const SHARE = {
  label: 'accuracy',
  from: 0,
  to: 1,
  ticks: [0, 0.25, 0.5, 0.75, 1],
  format: (value: number) => `${Math.round(100 * value)} %`,
};

function stepAxis(to: number) {
  const spacing = to / 4;
  const ticks = [0, 1, 2, 3, 4].map((index) => Math.round(index * spacing));
  return { label: 'training step', from: 0, to, ticks, format: String };
}

function lengthAxis(all: readonly Training[]) {
  const lengths = all.flatMap(({ evaluations }) => evaluations.at(-1)?.test.map(({ seqLen }) => seqLen) ?? []);
  const ticks = [...new Set(lengths)].sort((a, b) => a - b);
  const [from = 1, to = 2] = [ticks[0], ticks.at(-1)];
  return { label: 'test length, tokens', from: from / 1.1, to: to * 1.1, ticks, format: String, log: true };
}

/** Whole nats up to the largest loss of a batch; at most 8, as a training that runs away would dwarf the others. */
function lossAxis(losses: readonly number[]) {
  const to = Math.min(8, Math.max(2, Math.ceil(losses.reduce((most, loss) => Math.max(most, loss), 0))));
  const ticks = Array.from({ length: to + 1 }, (_, tick) => tick).filter((tick) => to <= 5 || tick % 2 === 0);
  return { label: 'training step, loss in nats', from: 0, to, ticks, format: String };
}
