/** The short convolution of Mamba and Mamba-2 as a layer asks for it: its width alone; off is one tap, the current token. */
import { createWithFilters } from '@mixerzoo/core/blocks';

export const withConvolution = createWithFilters({ options: { width: 'dConv' }, off: { dConv: 1 } });
