/** The zoo, as a registry that plans of runs look mixers and tasks up in. A worker loads it, the page does not. */
import { plugin as attention } from '@mixerzoo/attention';
import { plugin as based } from '@mixerzoo/based';
import { type Registry, registryOf } from '@mixerzoo/bench/plan';
import { plugin as cat } from '@mixerzoo/cat';
import { plugin as core } from '@mixerzoo/core';
import { plugin as delta } from '@mixerzoo/delta';
import { plugin as gla } from '@mixerzoo/gla';
import { plugin as hyena } from '@mixerzoo/hyena';
import { plugin as landmark } from '@mixerzoo/landmark';
import { plugin as mamba } from '@mixerzoo/mamba';
import { plugin as retention } from '@mixerzoo/retention';
import { plugin as rwkv } from '@mixerzoo/rwkv';
import { plugin as tasks } from '@mixerzoo/tasks';
import { plugin as xlstm } from '@mixerzoo/xlstm';

export const registry: Registry = registryOf({
  '@mixerzoo/core': core,
  '@mixerzoo/attention': attention,
  '@mixerzoo/based': based,
  '@mixerzoo/cat': cat,
  '@mixerzoo/delta': delta,
  '@mixerzoo/gla': gla,
  '@mixerzoo/hyena': hyena,
  '@mixerzoo/landmark': landmark,
  '@mixerzoo/mamba': mamba,
  '@mixerzoo/retention': retention,
  '@mixerzoo/rwkv': rwkv,
  '@mixerzoo/tasks': tasks,
  '@mixerzoo/xlstm': xlstm,
});
