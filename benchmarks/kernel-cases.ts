/** What `bench:kernels` measures: one call of each op that has a kernel, at the sizes of a one-layer model. */
import { CORE_CASES } from './core-kernel-cases.js';
import type { KernelCase } from './kernel-case.js';
import { MIXER_CASES, type Ops } from './mixer-kernel-cases.js';

/** Every case that can be measured here. */
export async function kernelCases(): Promise<KernelCase[]> {
  const cases = [...CORE_CASES];
  for (const { packageName, cases: casesOf } of MIXER_CASES) {
    const ops = await import(packageName).catch((error: { code?: string }) => {
      if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
      throw error;
    });
    if (ops) cases.push(...casesOf(ops as Ops));
    else console.error(`bench:kernels: ${packageName} is not installed and is left out.`);
  }
  return cases;
}
