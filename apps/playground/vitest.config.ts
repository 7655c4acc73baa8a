import { sourceProject } from '../../scripts/vitest-project.ts';

// Its tests train whole models; the packages' own check kernels.
export default sourceProject(import.meta.url, {
  MIXERZOO_CHECK_KERNELS: process.env['MIXERZOO_CHECK_KERNELS'] ?? '0',
});
