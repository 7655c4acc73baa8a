/**
 * Puts the heap of the stock wasm backend into shared memory, so that workers can run kernels on its tensors.
 *
 * The backend's module defines its memory itself; its threaded build imports one, but brings a pool of workers that
 * nothing but XNNPACK uses and that does not start in Node. So the plain build is made to import its memory: its
 * memory section becomes an import of a shared memory of the same limits. Nothing else refers to where it comes from.
 * (WebAssembly core specification 2.0, section 5.5, and the threads proposal: limits with flag 3.)
 */
import { EngineError } from '../../errors.js';

const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;
const HEADER_BYTES = 8;
const MEMORY_KIND = 2;
const SHARED_WITH_MAXIMUM = 3;

/** A module that imports its memory as `env.memory`, and the memory's limits in pages of 64 KiB. */
export interface SharedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly initial: number;
  readonly maximum: number;
}

/**
 * Rewrites a module that defines one memory with a maximum.
 * @throws EngineError if it does not.
 */
export function importSharedMemory(module: Uint8Array): SharedModule {
  const sections = sectionsOf(module);
  const memory = sections.find(({ id }) => id === MEMORY_SECTION);
  const [count, flags] = memory?.body ?? [];
  if (!memory || count !== 1 || flags !== 1) {
    throw new EngineError(
      'wasm threads: expected the backend to define one memory with a maximum, got another kind of module. Use one thread (MIXERZOO_THREADS=1).',
    );
  }
  const [initial, afterInitial] = readUnsigned(memory.body, 2);
  const [maximum] = readUnsigned(memory.body, afterInitial);
  const entry = [
    ...name('env'),
    ...name('memory'),
    MEMORY_KIND,
    SHARED_WITH_MAXIMUM,
    ...unsigned(initial),
    ...unsigned(maximum),
  ];
  const parts: Uint8Array[] = [module.subarray(0, HEADER_BYTES)];
  for (const { id, body } of sections) {
    if (id === MEMORY_SECTION) continue;
    const [count, after] = id === IMPORT_SECTION ? readUnsigned(body, 0) : [0, 0];
    const next =
      id === IMPORT_SECTION ? Uint8Array.from([...unsigned(count + 1), ...body.subarray(after), ...entry]) : body;
    parts.push(Uint8Array.from([id, ...unsigned(next.length)]), next);
  }
  return { bytes: concat(parts), initial, maximum };
}

/**
 * Runs `start`, which instantiates the backend, with its memory replaced by a shared one.
 * @throws EngineError if `start` instantiated nothing that could be rewritten.
 */
export async function withSharedMemory(start: () => Promise<void>): Promise<void> {
  const instantiate = WebAssembly.instantiate;
  let rewritten = false;
  const replaced = async (source: BufferSource, imports: WebAssembly.Imports = {}) => {
    const given = source instanceof ArrayBuffer ? new Uint8Array(source) : viewOf(source as ArrayBufferView);
    const { bytes, initial, maximum } = importSharedMemory(given);
    const memory = new WebAssembly.Memory({ initial, maximum, shared: true });
    rewritten = true;
    return await instantiate(bytes, { ...imports, env: { ...imports['env'], memory } });
  };
  WebAssembly.instantiate = replaced as typeof WebAssembly.instantiate;
  try {
    await start();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
  if (!rewritten) {
    throw new EngineError(
      'wasm threads: expected to start the backend, got one that was running. Start the engine first.',
    );
  }
}

function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sectionsOf(module: Uint8Array): { id: number; body: Uint8Array }[] {
  const sections: { id: number; body: Uint8Array }[] = [];
  for (let at = HEADER_BYTES; at < module.length; ) {
    const id = module[at] as number;
    const [size, start] = readUnsigned(module, at + 1);
    sections.push({ id, body: module.subarray(start, start + size) });
    at = start + size;
  }
  return sections;
}

/** An unsigned LEB128 number, and where it ends. */
function readUnsigned(bytes: Uint8Array, from: number): [value: number, end: number] {
  let value = 0;
  for (let at = from, factor = 1; ; at += 1, factor *= 128) {
    const byte = bytes[at] as number;
    value += (byte % 128) * factor;
    if (byte < 128) return [value, at + 1];
  }
}

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...unsigned(Math.floor(value / 128))];
}

function name(text: string): number[] {
  return [...unsigned(text.length), ...new TextEncoder().encode(text)];
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
