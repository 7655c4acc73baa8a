import { describeMixer } from '@mixerzoo/core/testing';
import { causalMean } from './causal-mean.js';

describeMixer('causalMean', () => causalMean({ dModel: 8 }));
