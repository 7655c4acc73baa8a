/**
 * `--set path=value`. A path is keys joined by dots, and a number for an entry of a list. Of the keys that are there the
 * longest that fits is taken, so that labels may hold dots and signs of equality: `models.Mamba v2.0.nLayers=2`; one
 * in quotes is taken as it is: `models."v2.0".layers=[cat]`. The value is YAML.
 */
import { InvalidConfigError } from '@mixerzoo/core';
import { assertConfigData, isPlain, ownValue, parseYaml } from './config-text.js';

/**
 * A copy of a config with one value set.
 * @throws InvalidConfigError for an assignment that is none, a value that is no YAML, an index past a list's end.
 */
export function assign(config: Record<string, unknown>, assignment: string): Record<string, unknown> {
  const { path, text } = parseAssignment(config, assignment);
  const where = `--set ${path.join('.')}`;
  const value = parseYaml(text, where);
  assertConfigData(value, where);
  return setIn(config, path, 0, value) as Record<string, unknown>;
}

function parseAssignment(config: unknown, assignment: string): { path: string[]; text: string } {
  const path: string[] = [];
  let node = config;
  for (let rest = assignment; ; rest = rest.slice(1)) {
    const { key, length } = nextKey(node, rest);
    rest = rest.slice(length);
    if (key === '' || !/^[.=]/.test(rest)) {
      throw new InvalidConfigError(
        `--set: expected path=value, got '${assignment}'. Example: --set train.batchSize=32; a key with dots goes into quotes: models."v2.0".nLayers=2`,
      );
    }
    if (key === '__proto__') throw new InvalidConfigError(`--set: expected another key, got '${key}'.`);
    path.push(key);
    if (rest.startsWith('=')) return { path, text: rest.slice(1) };
    node = isPlain(node) ? ownValue(node, key) : (node as unknown[] | undefined)?.[key as never];
  }
}

/** The key at the start of a path, and how much of the path it takes. */
function nextKey(node: unknown, path: string): { key: string; length: number } {
  const quoted = /^"([^"]+)"|^'([^']+)'/.exec(path);
  if (quoted) return { key: (quoted[1] ?? quoted[2]) as string, length: quoted[0].length };
  const known = isPlain(node) ? Object.keys(node) : [];
  const fitting = known.filter((key) => path.startsWith(key) && /^[.=]/.test(path.slice(key.length)));
  const longest = fitting.reduce((a, b) => (b.length > a.length ? b : a), '');
  const key = longest || (/^[^.=]*/.exec(path)?.[0] ?? '');
  return { key, length: key.length };
}

function setIn(found: unknown, path: readonly string[], depth: number, value: unknown): unknown {
  const key = path[depth];
  if (key === undefined) return value;
  const node = inLongForm(found, path.slice(0, depth));
  if (Array.isArray(node)) {
    if (!/^\d+$/.test(key) || Number(key) > node.length) {
      throw new InvalidConfigError(
        `--set ${path.join('.')}: expected an index up to ${node.length} of a list, got '${key}'. Example: layers.0.nHeads=2`,
      );
    }
    const copy = [...node];
    copy[Number(key)] = setIn(copy[Number(key)], path, depth + 1, value);
    return copy;
  }
  const object = isPlain(node) ? node : {};
  return { ...object, [key]: setIn(ownValue(object, key), path, depth + 1, value) };
}

/** What stands alone where an object may, as that object: the mixer `'cat'` as `{ mixer: 'cat' }`. */
function inLongForm(node: unknown, path: readonly string[]): unknown {
  if (node === undefined || node === null || Array.isArray(node)) return node;
  if (isPlain(node) && !('specVersion' in node)) return node;
  const key = longFormKey(path);
  return key === undefined ? node : { [key]: node };
}

function longFormKey(path: readonly string[]): string | undefined {
  const [section, ...below] = path;
  if (path.at(-1) === 'channelMixer' || path.at(-1) === 'norm') return 'name';
  if (section === 'models' && below.length === 3 && below[1] === 'layers') return 'mixer';
  if (section === 'sweep' && below.length === 2 && below[0] === 'lengths') return 'seqLen';
  return undefined;
}
