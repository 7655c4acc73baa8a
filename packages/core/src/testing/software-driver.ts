/**
 * Less of what costs most where the engine is a software driver of a GPU (WebGPU on SwiftShader): right, and hundreds
 * of times slower than what anybody trains on. The summary of a run says what was reduced or left out, and why.
 */
import type { TestContext } from 'vitest';
import { currentEngine } from '../engines/index.js';

/** Whether the engine in use is a software driver of a GPU. @throws EngineError if there is none in use. */
export function isSoftwareDriver(): boolean {
  return currentEngine().details['software'] === true;
}

/** `less` instead of `full` on a software driver; `what` is counted, for the summary. */
export async function reducedOnSoftware(
  context: TestContext,
  what: string,
  full: number,
  less: number,
): Promise<number> {
  if (!isSoftwareDriver()) return full;
  await context.annotate(`${what}: ${less} instead of ${full} on a software driver`, 'reduced');
  return less;
}
