/** What is trained: models, task and a few knobs; the rest behind "more". */
import { CATALOG, entryOf, type FilterPlace } from '../catalog.js';
import { MOST_MODELS, type ModelChoice, numberFault, type PageState, RANGES, taskFault } from '../state.js';
import { Swatch } from './chart.js';
import type { Playground } from './use-playground.js';

const PLACES: Readonly<Record<FilterPlace, string>> = {
  own: 'as in its paper',
  none: 'none',
  keys: 'on the keys',
  inside: 'inside: q, k, v',
  before: 'before the mixer',
};

export function Controls({ playground }: { readonly playground: Playground }) {
  const { state, update, opened, open } = playground;
  const change = (index: number, part: Partial<ModelChoice>) =>
    update({ models: state.models.map((model, at) => (at === index ? { ...model, ...part } : model)) });
  const pick = (index: number, id: string) => change(index, { id, layers: entryOf(id).layers, filter: 'own' });
  if (opened.length > 0) {
    return (
      <section class="opened">
        <p>
          Shown: {opened.map(({ label }) => label).join(', ')}, from a file{' '}
          {opened.some(({ source }) => source.kind === 'record' && source.weights)
            ? 'with its trained weights'
            : 'without weights, so it is trained anew'}
          .
        </p>
        <button type="button" onClick={() => open([])}>
          Back to the page's own models
        </button>
      </section>
    );
  }
  return (
    <section aria-labelledby="set-title">
      <h2 id="set-title">Set up</h2>
      <div class="choices">
        {state.models.map((model, index) => (
          <fieldset key={index} class="choice">
            <legend>
              <Swatch index={index} /> Model {index + 1}
            </legend>
            <label>
              Mixer
              <select value={model.id} onChange={(event) => pick(index, event.currentTarget.value)}>
                {CATALOG.map(({ id, label }) => (
                  <option key={id} value={id}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <label>
              Layers
              <select
                value={model.layers}
                onChange={(event) => change(index, { layers: Number(event.currentTarget.value) })}
              >
                {depths(model.id).map((depth) => (
                  <option key={depth}>{depth}</option>
                ))}
              </select>
            </label>
            <label>
              Filter
              <select
                value={model.filter}
                onChange={(event) => change(index, { filter: event.currentTarget.value as FilterPlace })}
              >
                {entryOf(model.id).places.map((place) => (
                  <option key={place} value={place}>
                    {PLACES[place]}
                  </option>
                ))}
              </select>
            </label>
            {model.filter !== 'own' && model.filter !== 'none' && (
              <label>
                Taps
                <select
                  value={model.taps}
                  onChange={(event) => change(index, { taps: Number(event.currentTarget.value) })}
                >
                  {[2, 3, 4, 6, 8].map((taps) => (
                    <option key={taps}>{taps}</option>
                  ))}
                </select>
              </label>
            )}
            {state.models.length > 1 && (
              <button
                type="button"
                class="quiet"
                aria-label={`Remove model ${index + 1}`}
                onClick={() => update({ models: state.models.filter((_, at) => at !== index) })}
              >
                Remove
              </button>
            )}
          </fieldset>
        ))}
        {state.models.length < MOST_MODELS && (
          <button
            type="button"
            class="add"
            onClick={() => update({ models: [...state.models, { id: 'mamba', layers: 2, filter: 'own', taps: 3 }] })}
          >
            Add a model
          </button>
        )}
      </div>
      <div class="knobs">
        <Knob state={state} update={update} name="pairs" label="Pairs" options={[1, 2, 3, 4, 6, 8]} />
        <Knob state={state} update={update} name="length" label="Length, tokens" options={[8, 16, 24, 32, 64]} />
        <Knob state={state} update={update} name="width" label="Width" options={[16, 32, 64, 128]} />
        <Knob
          state={state}
          update={update}
          name="rate"
          label="Learning rate"
          options={[0.001, 0.0025, 0.005, 0.01, 0.02]}
        />
        <details class="more">
          <summary>More</summary>
          <div class="knobs">
            <Field state={state} update={update} name="vocabulary" label="Vocabulary" />
            <Field state={state} update={update} name="batch" label="Examples a step" />
            <Field state={state} update={update} name="steps" label="Steps" />
            <Field state={state} update={update} name="seed" label="Seed" />
            <label>
              Engine
              <select
                value={state.engine}
                onChange={(event) => update({ engine: event.currentTarget.value as PageState['engine'] })}
              >
                <option value="wasm">wasm: any processor</option>
                <option value="webgpu" disabled={!('gpu' in navigator)}>
                  webgpu: a graphics card
                </option>
              </select>
            </label>
          </div>
        </details>
      </div>
    </section>
  );
}

/** Depths that a pattern of layers can have. */
function depths(id: string): number[] {
  const { pattern = 1 } = entryOf(id);
  return [1, 2, 3, 4].filter((depth) => depth % pattern === 0);
}

interface KnobProps {
  readonly state: PageState;
  readonly update: Playground['update'];
  readonly name: Exclude<keyof typeof RANGES, 'story' | 'query'>;
  readonly label: string;
}

/** A change of the task: pairs, length and vocabulary are made to go together. */
function changed(state: PageState, name: KnobProps['name'], value: number): Partial<PageState> {
  const next = { ...state, [name]: value };
  const { pairs } = next;
  if (name === 'pairs') next.length = Math.max(next.length, 4 * pairs);
  if (name === 'length') next.pairs = Math.min(pairs, Math.floor(value / 4));
  if (name !== 'vocabulary') next.vocabulary = Math.max(next.vocabulary, 16 * next.pairs + 2);
  const isTask = name === 'pairs' || name === 'length' || name === 'vocabulary';
  return isTask ? { ...next, tokens: [], query: -1 } : next;
}

function Knob({ state, update, name, label, options }: KnobProps & { readonly options: readonly number[] }) {
  const values = [...new Set([...options, state[name]])].sort((a, b) => a - b);
  return (
    <label>
      {label}
      <select value={state[name]} onChange={(event) => update(changed(state, name, Number(event.currentTarget.value)))}>
        {values.map((value) => (
          <option key={value}>{value}</option>
        ))}
      </select>
    </label>
  );
}

function Field({ state, update, name, label }: KnobProps) {
  const [least, most] = RANGES[name];
  return (
    <label>
      {label}
      <input
        type="number"
        min={least}
        max={most}
        value={state[name]}
        onChange={(event) => {
          const input = event.currentTarget;
          const next = changed(state, name, Number(input.value));
          const fault = numberFault(name, input.value) ?? taskFault({ ...state, ...next });
          input.setCustomValidity(fault ?? '');
          if (fault === undefined) update(next);
          else input.reportValidity();
        }}
      />
    </label>
  );
}
