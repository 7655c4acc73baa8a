/** Giving way to the rest of a process, or of a page, in a long computation. */

/**
 * Lets timers, messages and input through: one turn of the event loop. Unlike `tf.nextFrame` it waits for no frame, of which
 * a hidden tab draws none, and unlike `setTimeout` it is not slowed down there.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
