/**
 * A channel mixer with short filters: before it (place C of a layer's filters), on its hidden rows (D), or both. It mixes tokens
 * then, so it has the forms of a mixer.
 */
import { createFilteredForms } from '../blocks/filtered-forms.js';
import type { SequenceFilter } from '../blocks/filters.js';
import type { Mixer } from '../mixer.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import type { ChannelMixer, HiddenRows } from './channel-mixer.js';
import { createShortFilter, type ShortFilter } from './short-filter.js';

/** What a model asks of a part that mixes tokens. */
export type TokenMixer = Pick<
  Mixer,
  'init' | 'apply' | 'initState' | 'step' | 'prefill' | 'stateSize' | 'stateRoom' | 'flops' | 'noDecay' | 'factors'
>;

/** filter [d, W] of C; of D [w, W] for each role of the hidden rows, `gateFilter`; inner: the parameters of the channel mixer. */
type Params = Tree & { readonly inner: Tree };
/** Last rows before the filter of C, and before those of D by role; [B, W - 1, w] each. */
type State = Tree & { readonly input?: tf.Tensor3D; readonly hidden?: { readonly [role: string]: tf.Tensor3D } };

/** The filters of a channel mixer, as far as there are some; D with the rows it acts on. */
interface ChannelFilters {
  readonly dModel: number;
  readonly C?: ShortFilter | undefined;
  readonly D?: { readonly filter: ShortFilter; readonly rows: HiddenRows } | undefined;
}

export function createFilteredChannelMixer(channelMixer: ChannelMixer, filters: ChannelFilters): TokenMixer {
  const { dModel, C, D } = filters;
  const before = C && createShortFilter('filter', dModel, C);
  const within = D && createHiddenForms(D.filter, D.rows);
  const own: readonly SequenceFilter[] = [...(before ? [before] : []), ...(within?.filters ?? [])];
  return {
    init: (seed: number, nLayers?: number): Params =>
      Object.assign({}, ...own.map((filter) => filter.init(seed)), { inner: channelMixer.init(seed, nLayers) }),
    apply(given: Tree, x: tf.Tensor, context) {
      const params = given as Params;
      const input = before ? before.apply(params, x as tf.Tensor3D) : (x as tf.Tensor3D);
      return within
        ? within.readOut(params.inner, within.apply(params, input))
        : channelMixer.apply(params.inner, input, context);
    },
    initState: (batchSize: number): State => ({
      ...(before && { input: tf.zeros<tf.Rank.R3>([batchSize, ...before.stateShape]) }),
      ...(within && { hidden: within.initState(batchSize) }),
    }),
    step: (given, token, state, context) =>
      tf.tidy(() => {
        const [params, past] = [given as Params, state as State];
        const x = token as tf.Tensor2D;
        const input = before ? before.step(params, x, past.input as tf.Tensor3D) : { y: x };
        const rest = 'state' in input ? { input: input.state } : {};
        if (!within) return { y: channelMixer.apply(params.inner, input.y, context), state: rest };
        const { parts, states } = within.step(params, input.y, past.hidden ?? {});
        return { y: within.readOut(params.inner, parts), state: { ...rest, hidden: states } };
      }),
    prefill: (given, x, context) =>
      tf.tidy(() => {
        const [params, tokens] = [given as Params, x as tf.Tensor3D];
        const input = before ? before.apply(params, tokens) : tokens;
        const rest = before ? { input: before.stateAfter(params, tokens) } : {};
        if (!within) return { y: channelMixer.apply(params.inner, input, context), state: rest };
        const { parts, states } = within.prefill(params, input);
        return { y: within.readOut(params.inner, parts), state: { ...rest, hidden: states } };
      }),
    stateSize: () => own.reduce((total, { stateShape: [rows, width] }) => total + rows * width, 0),
    flops: (seqLen) => channelMixer.flops(seqLen) + seqLen * own.reduce((total, { flops }) => total + flops, 0),
  };
}

/** Hidden rows and their filters in every form, and the way from them to the output. */
function createHiddenForms(filter: ShortFilter, { widths, project, readOut }: HiddenRows) {
  const filters = Object.fromEntries(
    Object.entries(widths).map(([role, width]) => [role, createShortFilter(`${role}Filter`, width, filter)]),
  );
  const forms = createFilteredForms<Params, string>({
    project: (params, x) => project(params.inner, x),
    filters,
  });
  return { ...forms, readOut, filters: Object.values(filters) };
}
