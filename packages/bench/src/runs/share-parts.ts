/** Records that mostly say the same, held once: thousands of configs differ in a seed and a learning rate. */

/** Shares what records that it is given have in common: their texts and objects, which nobody may change. */
export function createSharing(): <T extends object>(record: T) => T {
  const known = new Map<string, unknown>();
  const share = (part: unknown) => {
    if (part === null || (typeof part !== 'object' && typeof part !== 'string')) return part;
    const text = JSON.stringify(part);
    if (!known.has(text)) known.set(text, part);
    return known.get(text);
  };
  return <T extends object>(record: T) =>
    Object.fromEntries(Object.entries(record).map(([name, part]) => [name, share(part)])) as T;
}
