/** Where two configs differ. */

/** `optimizer.learningRate is 0.1 here and 0.01 there`; undefined when equal. */
export function firstDifference(here: unknown, there: unknown, path = ''): string | undefined {
  if (typeof here === 'object' && typeof there === 'object' && here !== null && there !== null) {
    for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
      const [a, b] = [here, there].map((node) => (node as Record<string, unknown>)[key]);
      const found = firstDifference(a, b, path === '' ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return here === there ? undefined : `${path} is ${JSON.stringify(here)} here and ${JSON.stringify(there)} there`;
}
