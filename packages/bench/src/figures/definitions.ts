/**
 * The paper's figures, and studies, as data: which experiments they show, how they are laid out, and what the paper claims of
 * them. Figure 4, which is computed, is in figure-4.ts.
 */
import { successOfOne } from '@mixerzoo/theory';
import { declines, fallsShortOf, growsWithWidth, keepsUpWith, leads, reachesSomewhere, staysAbove } from './claims.js';
import { BLOCK_SIZES, blockLabel, experiments } from './experiments.js';
import type { Figure, FigurePoint } from './figure.js';
import { figure4Definition } from './figure-4.js';
import { CAT, FIXED_STATES, LINCAT, NO_POSITIONS, ONE_LAYER, TWO_LAYERS, WIDE_CAT } from './models.js';
import { hasNarrowerWindow } from './rate-claims.js';
import { figure1Right, table2 } from './table-2.js';

const one = ONE_LAYER;
const two = TWO_LAYERS;
const MIXED = [CAT, LINCAT, ...two];
const SINGLE = [CAT, LINCAT, ...one];
const EVERYWHERE = 'every width and length';

const catSolves = (source: string, row?: string, level = 0.99) =>
  staysAbove(
    level,
    { models: [CAT], ...(row === undefined ? {} : { row }) },
    source,
    `CAT 1L stays above ${100 * level} % at ${EVERYWHERE}${row === undefined ? '' : ` (${row})`}`,
  );

const catLeads = (others: readonly string[], source: string) =>
  leads(CAT, { models: others }, source, `CAT 1L is at least level with every other model at ${EVERYWHERE}`);

const othersDecline = (models: readonly string[], source: string) =>
  declines(
    { models },
    source,
    'Every other model that learned something at the training length falls by 10 points or more by the longest',
  );

const othersLearn = reachesSomewhere(
  0.9,
  { models: [LINCAT, ...two] },
  'this repository',
  'Every other model is above 90 % in some cell, so that its recipe is not what it fails by elsewhere',
);

const LANDMARKS = BLOCK_SIZES.map(blockLabel);

/**
 * What the theory of Section 5 says of Landmark CAT whose tokens are random: it answers where the token is in the query's own
 * block, and elsewhere with the probability of Proposition 1, exactly.
 */
function landmarkSuccess({ model, dModel, testLength }: Pick<FigurePoint, 'model' | 'dModel' | 'testLength'>): number {
  const blockSize = BLOCK_SIZES[LANDMARKS.indexOf(model)]!;
  const near = (blockSize - 1) / (testLength - 1);
  return near + (1 - near) * successOfOne(dModel, { seqLen: testLength, blockSize });
}

/** All figures of this package. */
export const figures: readonly Figure[] = [
  {
    id: 'fig1-left',
    title: 'Associative recall at lengths never trained on',
    caption: 'Figure 1, left: trained at the dashed length, one query at the end.',
    x: 'testLength',
    rows: [
      {
        title: 'AR',
        experiment: experiments['ar-generalization'],
        models: [CAT, 'Attention, 2 layers', NO_POSITIONS, 'Mamba, 2 layers'],
      },
    ],
    claims: [
      catSolves('Figure 1'),
      declines(
        { models: ['Attention, 2 layers', NO_POSITIONS, 'Mamba, 2 layers'] },
        'Section 1',
        'Mamba and attention, where they learned something at the training length, fall by 10 points or more by the longest',
      ),
    ],
  },
  figure1Right,
  {
    id: 'fig2-right',
    title: 'Multi-query recall at d = 64',
    caption: 'Figure 2, right: one layer of CAT and LinCAT beside two layers of the others.',
    x: 'trainLength',
    rows: [{ title: 'MQAR', experiment: experiments['mqar-by-length'], models: MIXED, dims: [64] }],
    claims: [catLeads([LINCAT, ...two], 'Figure 2'), catSolves('Section 6.1'), othersLearn],
  },
  figure4Definition,
  {
    id: 'fig5',
    title: 'Recall by length and width',
    caption: 'Figure 5: MQAR above, 2-gram MQNAR below; one layer of CAT and LinCAT, two of the others.',
    x: 'trainLength',
    rows: [
      { title: 'MQAR', experiment: experiments['mqar-by-length'], models: MIXED },
      { title: 'MQNAR', experiment: experiments['mqnar-by-length'], models: MIXED },
    ],
    claims: [
      catSolves('Section 6.1', 'MQAR'),
      catSolves('Section 6.1', 'MQNAR'),
      catLeads([LINCAT, ...two], 'Section 6.1'),
      growsWithWidth(
        { models: ['Based, 2 layers', 'Mamba, 2 layers'] },
        'Section 6.1',
        'Mamba and Based get better as d grows',
      ),
      othersLearn,
    ],
  },
  {
    id: 'fig6',
    title: 'Recall at lengths never trained on',
    caption: 'Figure 6: trained at the dashed length; MQAR above, 2-gram MQNAR below.',
    x: 'testLength',
    rows: [
      { title: 'MQAR', experiment: experiments['mqar-generalization'], models: MIXED },
      { title: 'MQNAR', experiment: experiments['mqnar-generalization'], models: MIXED },
    ],
    claims: [
      catSolves('Section 6.1', 'MQAR'),
      catSolves('Section 6.1', 'MQNAR'),
      othersDecline([LINCAT, ...two], 'Section 6.1'),
    ],
  },
  {
    id: 'fig7',
    title: 'Selective copying',
    caption:
      'Figure 7: models of one layer above, baselines of two layers below. W = N: filters as wide as there are signals.',
    x: 'trainLength',
    rows: [
      { title: '1 layer', experiment: experiments['selective-copy'], models: [CAT, WIDE_CAT, LINCAT, ...one] },
      { title: '2 layers', experiment: experiments['selective-copy'], models: MIXED },
    ],
    claims: [
      ...[CAT, WIDE_CAT, 'Mamba, 1 layer'].map((model) =>
        staysAbove(
          0.95,
          { models: [model], row: '1 layer' },
          model === WIDE_CAT ? 'Theorem 4' : 'Section 6.3',
          `${model.replace(', 1 layer', ' 1L')} achieves nearly 100 % (above 95 %)`,
        ),
      ),
      fallsShortOf(
        0.95,
        { models: ['Attention, 1 layer', 'Based, 1 layer', LINCAT], row: '1 layer' },
        'Section 6.3',
        'The other one-layer models are lower (below 95 % somewhere)',
      ),
      staysAbove(
        0.95,
        { models: two, row: '2 layers' },
        'Section 6.3',
        'Attention, Based and Mamba of two layers perform well (above 95 %)',
      ),
    ],
  },
  {
    id: 'fig8',
    title: 'Recall by length and width, one layer',
    caption: 'Figure 8: MQAR with models of one layer.',
    x: 'trainLength',
    rows: [{ title: 'MQAR', experiment: experiments['mqar-by-length'], models: SINGLE }],
    claims: [
      catSolves('Appendix B'),
      fallsShortOf(
        0.9,
        { models: ['Attention, 1 layer', 'Based, 1 layer'] },
        'Appendix B',
        'Attention and Based of one layer are much worse (below 90 % somewhere)',
      ),
    ],
  },
  {
    id: 'fig9',
    title: '2-gram recall by length and width, one layer',
    caption: 'Figure 9: 2-gram MQNAR with models of one layer.',
    x: 'trainLength',
    rows: [{ title: 'MQNAR', experiment: experiments['mqnar-by-length'], models: SINGLE }],
    claims: [catSolves('Appendix B'), catLeads([LINCAT, ...one], 'Appendix B')],
  },
  {
    id: 'fig10',
    title: 'Recall at lengths never trained on, one layer',
    caption: 'Figure 10: MQAR with models of one layer, trained at the dashed length.',
    x: 'testLength',
    rows: [{ title: 'MQAR', experiment: experiments['mqar-generalization'], models: SINGLE }],
    claims: [catSolves('Appendix B'), othersDecline([LINCAT, ...one], 'Appendix B')],
  },
  {
    id: 'fig11',
    title: '2-gram recall at lengths never trained on, one layer',
    caption: 'Figure 11: 2-gram MQNAR with models of one layer, trained at the dashed length.',
    x: 'testLength',
    rows: [{ title: 'MQNAR', experiment: experiments['mqnar-generalization'], models: SINGLE }],
    claims: [catSolves('Appendix B'), othersDecline([LINCAT, ...one], 'Appendix B')],
  },
  table2,
  {
    id: 'recall-state',
    title: 'Recall against the size of the state',
    question: 'How much does a mixer recall for the state it keeps?',
    caption:
      'Not in the paper: the trade-off that the literature plots (arXiv 2402.18668, Figure 2). Trained at one length; a line goes through the widths, along the state after the test length.',
    x: 'stateSize',
    rows: [
      {
        title: 'MQAR',
        experiment: experiments['recall-state'],
        models: [...MIXED, ...FIXED_STATES],
      },
    ],
    claims: [
      catLeads([LINCAT, ...two, ...FIXED_STATES], 'Section 1'),
      growsWithWidth(
        { models: ['Based, 2 layers', 'Mamba, 2 layers'] },
        'Section 6.1',
        'Mamba and Based recall more with a larger state',
      ),
    ],
  },
  {
    id: 'learning-rate',
    title: 'Recall against the learning rate',
    caption:
      'Not in the paper: its models at every learning rate of a grid, trained to the end. What a comparison at one rate would have said is a vertical line.',
    x: 'learningRate',
    rows: [{ title: 'MQAR', experiment: experiments['learning-rate'], models: MIXED }],
    claims: [
      hasNarrowerWindow(
        'Mamba, 2 layers',
        CAT,
        'this repository, after arXiv 2508.19029',
        "Mamba's window of good learning rates is narrower than CAT's",
      ),
      hasNarrowerWindow(
        'Mamba, 2 layers',
        'Attention, 2 layers',
        'arXiv 2508.19029',
        "Mamba's window of good learning rates is narrower than attention's",
      ),
    ],
  },
  {
    id: 'landmark-capacity',
    title: 'What trained landmarks hold',
    question: 'Do trained landmarks hold as much as the theory says of hand-made ones?',
    caption:
      'Not in the paper, which trains no Landmark CAT: one query among random tokens, answered by hard retrieval of one block.',
    x: 'width',
    rows: [{ title: 'AR', experiment: experiments['landmark-capacity'], models: LANDMARKS }],
    predicted: landmarkSuccess,
    claims: [
      growsWithWidth({ models: LANDMARKS }, 'Proposition 1', 'Every block size answers more with a larger width'),
      leads(LANDMARKS[0]!, { models: LANDMARKS.slice(1) }, 'Proposition 1', 'The smallest blocks are at least level'),
      keepsUpWith(
        landmarkSuccess,
        0.05,
        { models: LANDMARKS },
        'this repository',
        'Trained landmarks are as good as hand-made ones of random tokens, to 5 points',
      ),
    ],
  },
];
