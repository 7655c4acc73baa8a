/**
 * Evaluated before TensorFlow.js. A second copy of it in the process sets the platform and registers its kernels once
 * more, which changes nothing, and would print a line for each.
 */

interface Environment {
  getBool(flag: string): boolean;
  set(flag: string, value: boolean): void;
}

/** The environment of the copy that was loaded first. */
const first = (globalThis as { _tfengine?: { ENV: Environment } })._tfengine?.ENV;

/** Whether TensorFlow.js printed no warnings before; `tf.ts` puts it back. */
export const wasQuiet = first?.getBool('PROD') ?? false;

first?.set('PROD', true);
