import { describeTask } from '@mixerzoo/core/testing';
import { firstToken } from './first-token.js';

describeTask('firstToken', () => firstToken({ vocabSize: 16, seqLen: 12 }));
