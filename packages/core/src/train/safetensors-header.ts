/**
 * The JSON header of a safetensors file, read strictly: JSON.parse would keep the last of two equal keys, take `1.0` for
 * a whole number and build whatever a damaged header holds.
 *
 * Source: https://github.com/huggingface/safetensors, "Format" and `read_metadata` of safetensors/src/tensor.rs. Like
 * there, fields of a tensor beside its three are passed over; unlike there, every duplicate key is refused, and a blank
 * before the header, as "Format" says.
 */

/** Throws the caller's error. */
export type Fail = (expected: string, received: string, cause?: unknown) => never;

/** A tensor as the header has it. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes, counted from the end of the header. */
  readonly start: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the header's order. */
  readonly entries: readonly TensorEntry[];
}

/** The key of the header's own map of texts. */
export const METADATA = '__metadata__';

/** Levels of lists and objects in a field that is passed over: with those around it, what serde_json reads at most. */
const MAX_DEPTH = 125;

/** @param fail is called with what was expected and what was found at the first fault. */
export function parseHeader(bytes: Uint8Array, fail: Fail): Header {
  if (bytes[0] !== 0x7b) fail("a header that begins with '{'", bytes.length === 0 ? 'none' : `byte ${bytes[0]}`);
  const { members, list, text, size, skip, end, isNull } = createScanner(decode(bytes, fail), fail);
  let metadata: [string, string][] = [];
  const entries: TensorEntry[] = [];
  members((name) => {
    if (name !== METADATA) entries.push(entry(name));
    else if (!isNull()) metadata = map();
  });
  end();
  return { metadata: Object.fromEntries(metadata), entries };

  function map(): [string, string][] {
    const pairs: [string, string][] = [];
    members((key) => pairs.push([key, text()]));
    return pairs;
  }

  function entry(name: string): TensorEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    members((key) => {
      if (key === 'dtype') dtype = text();
      else if (key === 'shape') shape = list(size);
      else if (key === 'data_offsets') offsets = list(size);
      else skip(MAX_DEPTH);
    });
    const [start, end] = offsets ?? [];
    if (dtype === undefined || !shape || start === undefined || end === undefined || offsets?.length !== 2) {
      return fail(
        `tensor ${quoted(name)} with dtype, shape and two data_offsets`,
        [dtype, shape, offsets].map(brief).join(', '),
      );
    }
    return { name, dtype, shape, start, end };
  }
}

function decode(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    return fail('a header in UTF-8', error instanceof Error ? error.message : String(error), error);
  }
}

/** Reads JSON from left to right. */
function createScanner(json: string, fail: Fail) {
  const digits = /(?:0|[1-9]\d*)(?![\d.eE])/y;
  const literal = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  /** The keys that lead to what is read. */
  const path: string[] = [];
  let at = 0;

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(json)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }
  function peek(): string | undefined {
    while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at += 1;
    return json[at];
  }
  function eat(mark: string): boolean {
    if (peek() !== mark) return false;
    at += 1;
    return true;
  }
  function refuse(expected: string): never {
    const place = path.length === 0 ? '' : ` in ${path.map(quoted).join(' ')}`;
    const received = at < json.length ? quoted(json.slice(at, at + 20)) : 'its end';
    return fail(`${expected}${place} at character ${at} of the header`, received);
  }
  function expect(mark: string): void {
    if (!eat(mark)) refuse(`'${mark}'`);
  }

  function text(): string {
    if (peek() !== '"') refuse('a text');
    let close = at + 1;
    let escaped = false;
    for (; json[close] !== '"'; close += 1) {
      const code = json.charCodeAt(close);
      if (!(code >= 0x20)) return refuse('a text that ends and has no control characters');
      if (code !== 0x5c) continue;
      escaped = true;
      close += 1;
    }
    const value = escaped ? withoutEscapes(json.slice(at, close + 1)) : json.slice(at + 1, close);
    at = close + 1;
    return value;
  }
  function withoutEscapes(quotedText: string): string {
    let value: string;
    try {
      value = JSON.parse(quotedText) as string;
    } catch {
      return refuse('a text with the escapes of JSON');
    }
    return isWellFormed(value) ? value : refuse('a text of whole surrogate pairs');
  }
  /** A whole number >= 0 without point or exponent. */
  function size(): number {
    peek();
    const value = Number(match(digits) ?? refuse('a whole number'));
    return Number.isSafeInteger(value) ? value : refuse('a number below 2^53');
  }
  function list<T>(read: () => T): T[] {
    const items: T[] = [];
    expect('[');
    if (eat(']')) return items;
    do items.push(read());
    while (eat(','));
    expect(']');
    return items;
  }
  function members(read: (key: string) => void): void {
    const keys = new Set<string>();
    expect('{');
    if (eat('}')) return;
    do {
      const key = text();
      if (keys.has(key)) fail('each key of the header once', `${quoted(key)} twice`);
      keys.add(key);
      path.push(key);
      expect(':');
      read(key);
      path.pop();
    } while (eat(','));
    expect('}');
  }
  /** Passes over a value of any kind. */
  function skip(depth: number): void {
    const next = peek();
    if (depth === 0 && (next === '{' || next === '[')) refuse(`at most ${MAX_DEPTH} levels of lists and objects`);
    if (next === '{') members(() => skip(depth - 1));
    else if (next === '[') void list(() => skip(depth - 1));
    else if (next === '"') text();
    else match(literal) ?? refuse('a value');
  }
  function isNull(): boolean {
    if (peek() !== 'n') return false;
    if (match(literal) === undefined) refuse('null');
    return true;
  }
  function end(): void {
    if (peek() !== undefined) refuse('its end');
  }
  return { members, list, text, size, skip, end, isNull };
}

/** False for a text with half of a surrogate pair, which UTF-8 cannot hold. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A text of the file for a message, whatever its length and characters. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return `'${short.replace(/\p{Control}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`;
}

function brief(value: string | readonly number[] | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(typeof value === 'string' ? value : value.slice(0, 8));
}
