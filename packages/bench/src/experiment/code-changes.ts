/** The code behind a run, as its record names it, and what of it is not what it was. */

/**
 * By package or file: `@mixerzoo/cat: '0.1.0 3f2a…'` (version, fingerprint), `./my-mixer.ts: '9c0d…'` (fingerprint),
 * `lodash: '4.17.21'` (version). Files are named from the config's directory.
 */
export type Code = Readonly<Record<string, string>>;

/** `@mixerzoo/cat 0.1.0 -> 0.2.0`, `./my-mixer.ts changed`: what of the code is not what it was. */
export function codeChanges(before: Code, now: Code): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]];
    if (was === is) return [];
    if (was === undefined) return [`${name} added`];
    if (is === undefined) return [`${name} left out`];
    const [from, to] = [was, is].map((text) => text.split(' ')[0]);
    return [from === to || !/\d\./.test(to!) ? `${name} changed` : `${name} ${from} -> ${to}`];
  });
}
