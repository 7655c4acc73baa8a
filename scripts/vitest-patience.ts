/**
 * Dawn for Node waits for the device in a loop of `setImmediate`. A software driver computes on the cores that this loop
 * keeps busy, so between two looks it pauses: for tests of the webgpu engine (vitest-engine.config.ts).
 */
const PAUSE_MS = 0.2;

if (process.env['MIXERZOO_ENGINE'] === 'webgpu') {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const { setImmediate } = globalThis;
  const paused = (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
    setImmediate(() => {
      Atomics.wait(never, 0, 0, PAUSE_MS);
      callback(...args);
    });
  globalThis.setImmediate = Object.assign(paused, setImmediate) as typeof setImmediate;
}
