/** Every mixer's options have a type, which is what the mixer takes; `npm run typecheck` holds it. */
import type * as attention from '@mixerzoo/attention';
import type * as based from '@mixerzoo/based';
import type * as cat from '@mixerzoo/cat';
import type * as delta from '@mixerzoo/delta';
import type * as gla from '@mixerzoo/gla';
import type * as hyena from '@mixerzoo/hyena';
import type * as landmark from '@mixerzoo/landmark';
import type * as mamba from '@mixerzoo/mamba';
import type * as retention from '@mixerzoo/retention';
import type * as rwkv from '@mixerzoo/rwkv';
import type * as xlstm from '@mixerzoo/xlstm';
import { expectTypeOf, it } from 'vitest';

/** What a factory takes. */
type Options<F> = F extends (config: infer C) => unknown ? C : never;

it('is exported for every mixer, as cat does', () => {
  expectTypeOf<Options<typeof attention.attention>>().toEqualTypeOf<attention.AttentionConfig>();
  expectTypeOf<Options<typeof attention.slidingWindow>>().toEqualTypeOf<attention.SlidingWindowConfig>();
  expectTypeOf<Options<typeof based.based>>().toEqualTypeOf<based.BasedConfig>();
  expectTypeOf<Options<typeof based.baseConv>>().toEqualTypeOf<based.BaseConvConfig>();
  expectTypeOf<Options<typeof cat.cat>>().toEqualTypeOf<cat.CatConfig>();
  expectTypeOf<Options<typeof cat.mhcat>>().toEqualTypeOf<cat.MhcatConfig>();
  expectTypeOf<Options<typeof cat.linCat>>().toEqualTypeOf<cat.LinCatConfig>();
  expectTypeOf<Options<typeof cat.linearAttentionMixer>>().toEqualTypeOf<cat.LinearAttentionConfig>();
  expectTypeOf<Options<typeof delta.deltaNet>>().toEqualTypeOf<delta.DeltaNetConfig>();
  expectTypeOf<Options<typeof delta.gatedDeltaNet>>().toEqualTypeOf<delta.GatedDeltaNetConfig>();
  expectTypeOf<Options<typeof delta.kimiDeltaAttention>>().toEqualTypeOf<delta.KimiDeltaAttentionConfig>();
  expectTypeOf<Options<typeof gla.gla>>().toEqualTypeOf<gla.GlaConfig>();
  expectTypeOf<Options<typeof hyena.hyena>>().toEqualTypeOf<hyena.HyenaConfig>();
  expectTypeOf<Options<typeof hyena.h3>>().toEqualTypeOf<hyena.H3Config>();
  expectTypeOf<Options<typeof landmark.landmarkCat>>().toEqualTypeOf<landmark.LandmarkCatConfig>();
  expectTypeOf<Options<typeof mamba.mamba>>().toEqualTypeOf<mamba.MambaConfig>();
  expectTypeOf<Options<typeof mamba.mamba2>>().toEqualTypeOf<mamba.Mamba2Config>();
  expectTypeOf<Options<typeof retention.retention>>().toEqualTypeOf<retention.RetentionConfig>();
  expectTypeOf<Options<typeof rwkv.rwkv7>>().toEqualTypeOf<rwkv.Rwkv7Config>();
  expectTypeOf<Options<typeof xlstm.mLstm>>().toEqualTypeOf<xlstm.MLstmConfig>();
  expectTypeOf<gla.GlaConfig>().not.toBeAny();
  // @ts-expect-error: a name that no option has
  ({ dModel: 8, nHead: 2 }) satisfies gla.GlaConfig;
});
