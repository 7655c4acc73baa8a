/**
 * Table 2 and the right of Figure 1: language models with and without convolution and positions, and what Section 6.2 says of them.
 */
import type { TrainedFigure } from './figure.js';
import { languageModels, MODEL_LABELS } from './language-models.js';
import { paperRow } from './paper-table.js';
import { holdsBeyond, isBelow, isNear, lagsBehind, risesBeyond } from './perplexity-claims.js';

const { PYTHIA_ROPE, PYTHIA_NOPE, CAT_ROPE, CAT_NOPE, MHCAT_ROPE, MHCAT_NOPE, TF, MAMBA, GLA } = MODEL_LABELS;
const ALL = Object.values(MODEL_LABELS);

const SECTION = 'Section 6.2';
const TABLE = 'Table 2';

const catHolds = (models: readonly string[], words: string) =>
  holdsBeyond(0.05, { models }, SECTION, `The perplexity of ${words} holds beyond the training length (within 5 %)`);

const catTrainsWithoutPositions = [
  isNear(
    CAT_NOPE,
    { models: [PYTHIA_ROPE] },
    'trained',
    0.1,
    SECTION,
    'Without positions CAT is competitive (within 10 % of Pythia with RoPE)',
  ),
  lagsBehind(
    PYTHIA_NOPE,
    { models: [PYTHIA_ROPE, CAT_NOPE] },
    'trained',
    0.1,
    SECTION,
    'Without positions Pythia diverges, or lags 10 % or more behind itself with RoPE and CAT without',
  ),
];

/** `fig1-right`. */
export const figure1Right: TrainedFigure = {
  id: 'fig1-right',
  title: 'Perplexity at lengths never trained on',
  caption:
    'Figure 1, right: trained at the dashed length. Beyond it, rotary positions are interpolated with YaRN’s temperature; without positions the temperature alone.',
  x: 'testLength',
  y: 'perplexity',
  rows: [
    {
      title: 'Held-out text',
      experiment: languageModels,
      models: [PYTHIA_ROPE, CAT_ROPE, MHCAT_ROPE, CAT_NOPE, MHCAT_NOPE, PYTHIA_NOPE],
    },
  ],
  claims: [
    catHolds([CAT_ROPE, MHCAT_ROPE], 'CAT and MH-CAT with RoPE'),
    catHolds([CAT_NOPE, MHCAT_NOPE], 'CAT and MH-CAT without positions'),
    risesBeyond(
      0.5,
      { models: [PYTHIA_ROPE] },
      SECTION,
      'The perplexity of Pythia with RoPE rises sharply with the length (by half or more at the longest)',
    ),
    ...[CAT_ROPE, MHCAT_ROPE].map((model) =>
      isBelow(
        model,
        { models: [PYTHIA_ROPE] },
        'beyond',
        SECTION,
        `${model} is better than Pythia with RoPE at every length beyond`,
      ),
    ),
    isBelow(
      CAT_NOPE,
      { models: [PYTHIA_ROPE] },
      'beyond',
      SECTION,
      'CAT without positions is better than Pythia with RoPE at every length beyond',
    ),
  ],
};

/** `table2`. */
export const table2: TrainedFigure = {
  id: 'table2',
  title: 'Language models with and without convolution',
  caption:
    'Table 2: every row has the same data, tokens and, to 3 %, parameters. Perplexity of held-out text by test length; trained at the dashed length.',
  x: 'testLength',
  y: 'perplexity',
  rows: [{ title: 'Held-out text', experiment: languageModels, models: ALL }],
  table: {
    title: 'The paper’s numbers: 367.8M parameters, 15 billion tokens of SlimPajama',
    paper: {
      [PYTHIA_ROPE]: paperRow(27.41, 74.663, 34.023, 0.281, 0.343, 0.651, 0.355, 0.529, 0.443, 0.235),
      [PYTHIA_NOPE]: 'diverges',
      [CAT_NOPE]: paperRow(29.216, 86.318, 42.26, 0.266, 0.321, 0.64, 0.339, 0.515, 0.436, 0.237),
      [CAT_ROPE]: paperRow(26.776, 65.423, 38.557, 0.288, 0.341, 0.654, 0.362, 0.507, 0.461, 0.239),
      [MHCAT_NOPE]: paperRow(27.417, 58.959, 32.822, 0.296, 0.355, 0.644, 0.352, 0.531, 0.46, 0.24),
      [MHCAT_ROPE]: paperRow(25.858, 47.593, 28.273, 0.33, 0.377, 0.662, 0.376, 0.512, 0.466, 0.231),
      [TF]: paperRow(28.39, null, 42.69, null, 0.31, 0.633, 0.34, 0.504, 0.445, 0.242),
      [MAMBA]: paperRow(28.39, null, 39.66, null, 0.306, 0.65, 0.354, 0.501, 0.463, 0.236),
      [GLA]: paperRow(28.65, null, 43.35, null, 0.303, 0.648, 0.345, 0.514, 0.451, 0.227),
    },
  },
  claims: [
    isBelow(CAT_ROPE, { models: [PYTHIA_ROPE] }, 'trained', TABLE, 'Convolution helps: CAT is better than Pythia'),
    isBelow(
      MHCAT_ROPE,
      { models: [CAT_ROPE] },
      'trained',
      TABLE,
      'Convolution over heads helps more: MH-CAT is better than CAT',
    ),
    isBelow(
      MHCAT_ROPE,
      { models: ALL.filter((label) => label !== MHCAT_ROPE) },
      'trained',
      TABLE,
      'MH-CAT with RoPE is the best of all',
    ),
    isBelow(
      CAT_ROPE,
      { models: [TF, MAMBA, GLA] },
      'trained',
      SECTION,
      'CAT with RoPE is better than TF++, Mamba and GLA',
    ),
    ...catTrainsWithoutPositions,
    catHolds([CAT_ROPE, MHCAT_ROPE], 'CAT and MH-CAT with RoPE'),
  ],
};
