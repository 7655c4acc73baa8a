/**
 * Mixers with a state that does not grow: what is projected of a token (some of it filtered), the scan that carries the
 * state over tokens, and what is read out of it. All forms of the mixer follow.
 */
import { InvalidConfigError } from '../errors.js';
import type { MixerForms } from '../mixer.js';
import * as tf from '../tf.js';
import type { Tree } from '../tree.js';
import { createFilteredForms, type FilteredProjection, type FilterStates, type Parts } from './filtered-forms.js';
import { splitHeads } from './heads.js';
import { weightsOfValues } from './weights-of-values.js';

/**
 * A recurrence over all tokens, parts [B, L, w] -> o [B, L, w], from the given state or from zero. `keepsState`: whether the state
 * after the last token will be asked for, as `prefill` and `step` do; `apply` does not.
 */
type Scan<P, R extends string, S> = (
  params: P,
  parts: Parts<R, tf.Tensor3D>,
  state?: S,
  keepsState?: boolean,
) => {
  o: tf.Tensor3D;
  /** The state after the last token; may be absent unless `keepsState`. */
  state?: () => S;
};

/** The recurrence of one token, parts [B, w] -> o [B, w]. What it returns are tensors of its own. */
type Token<P, R extends string, S> = (
  params: P,
  parts: Parts<R, tf.Tensor2D>,
  state: S,
) => { o: tf.Tensor2D; state: S };

/** Values and the sum of them that a scan is, for `read`: linear in the values, head by head, the same for all columns of a head. */
export interface ScannedValues {
  /** [B, L, H p] */
  readonly values: tf.Tensor3D;
  readonly nHeads: number;
  /** What the scan gives for other values in their place, [B, L, H p] -> o [B, L, H p]. */
  sum(values: tf.Tensor3D): tf.Tensor3D;
}

/** A mixer as its paper writes it. P are its parameters, R the roles of what it projects, S is the scan's state. */
export type ScanMixer<P extends Tree, R extends string, S extends Tree> = FilteredProjection<NoInfer<P>, R> &
  Pick<MixerForms<P, S>, 'init' | 'flops' | 'noDecay'> & {
    /** Shape of each part of a sequence's state: `{ memory: [H, K, V] }`. It is zero before the first token. */
    readonly state: { readonly [name in keyof S]: readonly number[] };
    /**
     * What the scan sums, where it does; with it the mixer says what it reads. Where the rows of a role are the values as they are, that role
     * and its heads.
     */
    readonly values?:
      | { readonly role: NoInfer<R>; readonly nHeads: number }
      | ((params: P, parts: Parts<R, tf.Tensor3D>) => ScannedValues);
    /** The mixer's output of what the scan gives; each token on its own. */
    readOut<T extends tf.Tensor>(params: P, o: T, parts: Parts<R, T>): T;
  } & (
    | {
        /** The equation. Alone, it is repeated over the tokens: right, and slow. */
        readonly token: Token<P, R, S>;
        /** All tokens at once, from zero. */
        readonly scan?: Scan<P, R, S>;
      }
    | {
        /** Goes on from a state it is given: a token is a scan of length 1. */
        readonly scan: Scan<P, R, S>;
        readonly token?: undefined;
      }
  );

/** The scan's state beside those of the filters. */
export type ScanState<S extends Tree> = S & { readonly filters: FilterStates };

/**
 * The forms of a scan mixer, for `create` of `defineMixer`.
 * @example create: ({ dModel }) => createScanMixer({ init, project, state: { sum: [dModel] }, token, readOut, flops })
 */
export function createScanMixer<P extends Tree, R extends string, S extends Tree>(
  mixer: ScanMixer<P, R, S>,
): MixerForms<P, ScanState<S>> {
  const { init, flops, noDecay = [], readOut, values } = mixer;
  const forms = createFilteredForms(mixer);
  const shapes = Object.entries(mixer.state) as [string, readonly number[]][];
  const zeroState = (batchSize: number) =>
    Object.fromEntries(shapes.map(([name, shape]) => [name, tf.zeros([batchSize, ...shape])])) as unknown as S;
  const token = mixer.token ?? scanOfOne(mixer.scan);
  const scan = mixer.scan ?? repeated(token, zeroState);
  return {
    init,
    flops,
    noDecay: [...noDecay, ...forms.noDecay],
    apply: (params, x) =>
      tf.tidy(() => {
        const parts = forms.apply(params, x);
        return readOut(params, scan(params, parts).o, parts);
      }),
    prefill: (params, x) =>
      tf.tidy(() => {
        const { parts, states } = forms.prefill(params, x);
        const { o, state } = scan(params, parts, undefined, true);
        return { y: readOut(params, o, parts), state: { ...kept(state), filters: states } };
      }),
    ...(values && {
      read: (params: P, x: tf.Tensor3D) => {
        const parts = forms.apply(params, x);
        const {
          values: rows,
          nHeads,
          sum,
        } = typeof values === 'function' ? values(params, parts) : valuesOfRole(values, scan)(params, parts);
        const [batch, length, width] = rows.shape;
        return {
          weights: weightsOfValues([batch, length, nHeads, width / nHeads], sum),
          values: splitHeads(rows, nHeads),
          readOut: (o: tf.Tensor3D) => readOut(params, o, parts),
        };
      },
    }),
    initState: (batchSize) => ({ ...zeroState(batchSize), filters: forms.initState(batchSize) }),
    step(params, x, { filters, ...rest }) {
      const past = rest as unknown as S;
      const next = tf.tidy(() => {
        const { parts, states } = forms.step(params, x, filters);
        const { o, state } = token(params, parts, past);
        return { y: readOut(params, o, parts), state: { ...state, filters: states } };
      });
      tf.dispose(Object.values(rest));
      return next;
    },
    stateSize: () =>
      forms.stateSize + shapes.reduce((total, [, shape]) => total + tf.util.sizeFromShape([...shape]), 0),
  };
}

/** The rows of a role as the values of a scan. */
function valuesOfRole<P, R extends string, S>(
  { role, nHeads }: { readonly role: R; readonly nHeads: number },
  scan: Scan<P, R, S>,
) {
  return (params: P, parts: Parts<R, tf.Tensor3D>): ScannedValues => ({
    values: parts[role],
    nHeads,
    sum: (rows) => scan(params, { ...parts, [role]: rows }).o,
  });
}

/** A scan over a single token. */
function scanOfOne<P, R extends string, S>(scan: Scan<P, R, S>): Token<P, R, S> {
  return (params, parts, past) => {
    const { o, state } = scan(
      params,
      mapParts(parts, (row) => row.expandDims<tf.Tensor3D>(1)),
      past,
      true,
    );
    return { o: o.squeeze<tf.Tensor2D>([1]), state: kept(state) };
  };
}

/** @throws InvalidConfigError where a scan was to keep its state and has none. */
function kept<S>(state: (() => S) | undefined): S {
  if (state) return state();
  throw new InvalidConfigError(
    'createScanMixer: expected the state of a scan that was told to keep it, got none. Return state where keepsState is true.',
  );
}

/** A token's recurrence over all tokens. */
function repeated<P, R extends string, S>(token: Token<P, R, S>, zeroState: (batchSize: number) => S): Scan<P, R, S> {
  return (params, parts) => {
    const [first] = Object.values<tf.Tensor3D>(parts);
    const [batch, length] = (first as tf.Tensor3D).shape;
    // `tf.split` into a single part has no gradient.
    const rows = mapParts(parts, (x) => (length === 1 ? [x] : tf.split(x, length, 1)));
    let state = zeroState(batch);
    const outputs = Array.from({ length }, (_, t) => {
      const at = mapParts(rows, (all) => (all[t] as tf.Tensor3D).squeeze<tf.Tensor2D>([1]));
      const next = token(params, at, state);
      state = next.state;
      return next.o;
    });
    return { o: tf.stack(outputs, 1) as tf.Tensor3D, state: () => state };
  };
}

function mapParts<R extends string, A, B>(parts: { readonly [role in R]: A }, map: (part: A) => B): Record<R, B> {
  return Object.fromEntries(Object.entries<A>(parts).map(([role, part]) => [role, map(part)])) as Record<R, B>;
}
