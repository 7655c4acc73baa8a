/** What a model reads at the query: rows of weights, maps, what is written into a state, and filters. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FilterTaps, Inspection, LayerInspection } from '../messages.js';
import { kindOf, nameOf } from '../tokens.js';

interface ReadsProps {
  readonly inspection: Inspection;
  readonly vocabulary: number;
}

export function Reads({ inspection, vocabulary }: ReadsProps) {
  const { layers, filters, influence } = inspection;
  const [chosen, choose] = useState(-1);
  const at = chosen >= 0 && chosen < layers.length ? chosen : layers.length - 1;
  const layer = layers[at];
  if (!layer) return null;
  return (
    <>
      {layers.length > 1 && (
        <div class="tabs" role="toolbar" aria-label="Layer">
          {layers.map(({ mixer }, index) => (
            <button type="button" key={index} aria-pressed={index === at} onClick={() => choose(index)}>
              {index + 1}: {mixer}
            </button>
          ))}
        </div>
      )}
      <Layer inspection={inspection} layer={layer} vocabulary={vocabulary} />
      <Strip
        title="Whole model: how much the answer hangs on each token"
        inspection={inspection}
        vocabulary={vocabulary}
        values={influence}
        fold="influence"
      />
      <Filters filters={filters} />
    </>
  );
}

function Layer({ inspection, layer, vocabulary }: ReadsProps & { readonly layer: LayerInspection }) {
  const { query, tokens } = inspection;
  const { reads, writes, blockSize } = layer;
  const [head, setHead] = useState(0);
  const length = tokens.length;
  const values =
    reads.kind === 'weights'
      ? reads.weights.subarray(
          ((head % reads.heads) * length + query) * length,
          ((head % reads.heads) * length + query + 1) * length,
        )
      : reads.norms;
  const takesAway = reads.kind === 'weights' && reads.weights.some((weight) => weight < 0);
  return (
    <>
      {reads.kind === 'weights' && reads.heads > 1 && (
        <div class="tabs" role="toolbar" aria-label="Head">
          {Array.from({ length: reads.heads }, (_, index) => (
            <button
              type="button"
              key={index}
              aria-pressed={index === head % reads.heads}
              onClick={() => setHead(index)}
            >
              Head {index + 1}
            </button>
          ))}
        </div>
      )}
      <Strip
        title={titleOf(reads)}
        inspection={inspection}
        vocabulary={vocabulary}
        values={values}
        blockSize={blockSize}
      />
      {takesAway && <p class="muted">Hollow: a negative weight. What that token wrote is taken away.</p>}
      {reads.kind === 'weights' && (
        <Heatmap
          weights={reads.weights.subarray(
            (head % reads.heads) * length * length,
            ((head % reads.heads) + 1) * length * length,
          )}
          length={length}
          query={query}
        />
      )}
      {writes && (
        <Strip
          title="What it writes: how far each token moves the state"
          inspection={inspection}
          vocabulary={vocabulary}
          values={writes}
          until={length}
        />
      )}
    </>
  );
}

function titleOf(reads: LayerInspection['reads']): string {
  if (reads.kind === 'gradient') return 'What it reads: how much the layer’s output hangs on each token';
  const { channels } = reads;
  return channels === undefined
    ? 'What it reads: the weight of each token'
    : `What it reads: the size of each token’s weight, mean of ${channels} channels`;
}

/** A bar over each token up to the query. */
function Strip({
  title,
  inspection: { tokens, query },
  vocabulary,
  values,
  blockSize,
  until = query + 1,
  fold,
}: ReadsProps & {
  readonly title: string;
  readonly values: Float32Array;
  readonly blockSize?: number | undefined;
  readonly until?: number;
  readonly fold?: string;
}) {
  const largest = values.slice(0, until).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  const top = [...values.slice(0, until).keys()]
    .sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!))
    .slice(0, 2);
  const said = top
    .map((position) => `${nameOf(tokens[position]!, vocabulary)} at ${position}: ${values[position]!.toFixed(2)}`)
    .join(', ');
  const strip = (
    <div class="strip" role="img" aria-label={`${title}. Most: ${said}`} style={{ '--count': tokens.length }}>
      {tokens.map((token, position) => {
        const value = position < until ? values[position]! : 0;
        const edge = blockSize !== undefined && position % blockSize === 0 && position > 0;
        return (
          <span
            key={position}
            class={`cell ${kindOf(token, vocabulary)}${position === query ? ' query' : ''}${edge ? ' edge' : ''}${value < 0 ? ' negative' : ''}`}
            title={`${nameOf(token, vocabulary)}: ${value.toFixed(3)}`}
          >
            <i style={{ height: `${((100 * Math.abs(value)) / largest).toFixed(1)}%` }} />
            <b>{nameOf(token, vocabulary)}</b>
          </span>
        );
      })}
    </div>
  );
  if (fold === undefined) {
    return (
      <div class="reading">
        <h4>{title}</h4>
        {strip}
      </div>
    );
  }
  return (
    <details class="reading" data-fold={fold}>
      <summary>{title}</summary>
      {strip}
    </details>
  );
}

const CELL = 12;

/** The map of a head: a row for each token that asks, a column for each that is read. */
function Heatmap({
  weights,
  length,
  query,
}: {
  readonly weights: Float32Array;
  readonly length: number;
  readonly query: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    // What is drawn keeps its colours where the page changes them.
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const onChange = () => redraw((count) => count + 1);
    dark.addEventListener('change', onChange);
    return () => dark.removeEventListener('change', onChange);
  }, []);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const ink = getComputedStyle(canvas.current!).color;
    context.clearRect(0, 0, length * CELL, length * CELL);
    context.fillStyle = ink;
    context.strokeStyle = ink;
    context.lineWidth = 3;
    for (let row = 0; row < length; row += 1) {
      const values = weights.subarray(row * length, row * length + row + 1);
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
      for (let column = 0; column <= row; column += 1) {
        context.globalAlpha = 0.06 + 0.94 * (Math.abs(values[column]!) / largest);
        if (values[column]! < 0) {
          context.strokeRect(column * CELL + 2, row * CELL + 2, CELL - 4, CELL - 4);
        } else context.fillRect(column * CELL + 0.5, row * CELL + 0.5, CELL - 1, CELL - 1);
      }
    }
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.strokeRect(0.75, query * CELL + 0.75, length * CELL - 1.5, CELL - 1.5);
  });
  return (
    <details class="reading map" open>
      <summary>All queries at once</summary>
      <canvas
        ref={canvas}
        width={length * CELL}
        height={length * CELL}
        role="img"
        aria-label={`Map of ${length} tokens by ${length}: each row one token that asks, its largest weight darkest`}
      />
      <p class="muted">Down: the token that asks. Across: the token it reads. The frame is the query.</p>
    </details>
  );
}

function Filters({ filters }: { readonly filters: readonly FilterTaps[] }) {
  if (filters.length === 0) return null;
  return (
    <div class="reading">
      <h4>Its short filters, by how many tokens back</h4>
      <ul class="filters">
        {filters.map(({ path, taps, channels }) =>
          taps.map((row, index) => (
            <li key={`${path} ${index}`} class="filter">
              <svg
                viewBox={`0 0 ${row.length * 22} 64`}
                width={row.length * 36}
                role="img"
                aria-label={`${roleOf(path)}: ${row.map((tap) => tap.toFixed(2)).join(', ')}`}
              >
                <line class="axis" x1="0" x2={row.length * 22} y1="32" y2="32" />
                {row.map((tap, delay) => {
                  const height = Math.min(28, 20 * Math.abs(tap));
                  return (
                    <g key={delay}>
                      <rect x={delay * 22 + 4} width="14" y={tap < 0 ? 32 : 32 - height} height={height} />
                      <text x={delay * 22 + 11} y={tap < 0 ? 28 : 44} text-anchor="middle">
                        {delay}
                      </text>
                    </g>
                  );
                })}
              </svg>
              <span>
                {roleOf(path)}
                {channels > row.length && taps.length === 1 && channels > 1 ? `, mean of ${channels}` : ''}
              </span>
            </li>
          )),
        )}
      </ul>
    </div>
  );
}

/** `keys, layer 1` of `layers.0.mixer.kFilter`. */
function roleOf(path: string): string {
  const [, layer] = path.match(/^layers\.(\d+)\./) ?? [];
  const last = path.split('.').at(-1)!;
  const role =
    {
      q: 'queries',
      qFilter: 'queries',
      k: 'keys',
      kFilter: 'keys',
      v: 'values',
      vFilter: 'values',
      filter: 'before the mixer',
    }[last] ?? last;
  return layer === undefined ? role : `${role}, layer ${Number(layer) + 1}`;
}
