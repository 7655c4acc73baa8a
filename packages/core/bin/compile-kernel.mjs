/**
 * One `kernel.as.ts` from AssemblyScript to WebAssembly, into `kernel.generated.ts` beside it: two builds as base64, so that
 * a kernel ships inside the JavaScript. The file says what it was made from; it is made again where that is of other
 * content now.
 *
 * Kernels import shared inline code from `@mixerzoo/core/assembly/*` and nothing else; they must not hold static
 * data, since they run on the heap of the TensorFlow.js backend.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const CORE = fileURLToPath(new URL('../', import.meta.url));
const ASSEMBLY = join(CORE, 'assembly/');
const FLAGS = (
  '--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536 --enable threads ' +
  '--runtime stub -O3 --noAssert --converge'
).split(' ');
const ENTRY = 'kernel.as.ts';
/**
 * Where the compiler takes a kernel to lie, beside `core/assembly`: names of files reach what it makes, and are the same wherever it runs.
 * Deep enough for what kernels import from folders above.
 */
const PLACE = 'package/src/ops/op';
const BUILDS = { simd: ['--enable', 'simd'], relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd'] };
/** What a kernel is made from beside its sources, as text. */
const COMPILER = { assemblyscript: readFileSync(findCompiler()), flags: JSON.stringify([PLACE, FLAGS, BUILDS]) };
const SHARED_IMPORT = /@mixerzoo\/core\/assembly\//g;
const HEADER = '/** Compiled from kernel.as.ts by mixerzoo-kernels; not edited by hand, not under version control. */';
const MADE_FROM = /^\/\/ made from (\{.*\})$/m;

/** Compilations under way in this process, by entry. */
const underWay = new Map();

/** The generated module of a kernel. */
export const generatedPath = (entry) => join(dirname(entry), 'kernel.generated.ts');

/**
 * Compiles a kernel unless what is there was made from what is there now.
 *
 * @param entry - path of a `kernel.as.ts`.
 * @returns whether it was compiled.
 * @throws Error with what the compiler says.
 */
export function ensureKernel(entry) {
  const path = resolve(entry);
  if (!underWay.has(path))
    underWay.set(
      path,
      ensure(path).finally(() => underWay.delete(path)),
    );
  return underWay.get(path);
}

/** Paths of the kernels below `src` of a package. */
export function kernelsIn(directory) {
  const source = join(directory, 'src');
  const files = existsSync(source) ? readdirSync(source, { recursive: true }) : [];
  return files.filter((name) => basename(name) === ENTRY).map((file) => join(source, file));
}

/**
 * {@link ensureKernel} of every kernel below `src` of a package.
 *
 * @returns the generated modules that were written.
 */
export async function ensureKernels(directory) {
  const written = [];
  for (const entry of kernelsIn(directory)) if (await ensureKernel(entry)) written.push(generatedPath(entry));
  return written;
}

/** Whether what is there was made from what is there now. */
export function isCurrent(entry) {
  const sources = madeFrom(entry);
  return ENTRY in sources && Object.keys(sources).every((name) => sources[name] === digestOf(name, entry));
}

/** The files that a kernel was last compiled from, its own among them. */
export function sourcesOf(entry) {
  return Object.keys(madeFrom(entry)).flatMap((name) => (name in COMPILER ? [] : locate(name, entry)));
}

async function ensure(entry) {
  if (isCurrent(entry)) return false;
  const read = new Set();
  const builds = await Promise.all(Object.values(BUILDS).map((flags) => compile(entry, flags, read)));
  const [simd, relaxed] = builds.map((binary) => Buffer.from(binary).toString('base64'));
  const made = [...Object.keys(COMPILER), ...[...read].map((file) => nameOf(file, entry)).sort()];
  const digests = Object.fromEntries(made.map((name) => [name, digestOf(name, entry)]));
  const text = `${HEADER}\n// made from ${JSON.stringify(digests)}\nexport const code = {\n  simd: '${simd}',\n  relaxed: '${relaxed}',\n};\n`;
  // In one step: others may read it now.
  const draft = `${generatedPath(entry)}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, generatedPath(entry));
  return true;
}

/** Digests by name, as the generated module has them; empty without one. */
function madeFrom(entry) {
  try {
    return JSON.parse(MADE_FROM.exec(readFileSync(generatedPath(entry), 'utf8'))?.[1] ?? '{}');
  } catch {
    return {};
  }
}

/** A file's name, the same on every machine: where it lies in core, or beside the kernel. */
function nameOf(file, entry) {
  const inCore = file.startsWith(ASSEMBLY);
  const path = relative(inCore ? CORE : dirname(entry), file).replaceAll('\\', '/');
  return inCore ? `core/${path}` : path;
}

function locate(name, entry) {
  return name.startsWith('core/') ? join(CORE, name.slice('core/'.length)) : join(dirname(entry), name);
}

/** Of a file or of a part of {@link COMPILER}; undefined for what is not there. */
function digestOf(name, entry) {
  const file = locate(name, entry);
  const content = COMPILER[name] ?? (existsSync(file) ? readFileSync(file) : undefined);
  return content && createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** @throws Error if the compiler is not installed. */
function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('assemblyscript/package.json');
  } catch (cause) {
    const remedy = 'Run: npm install --save-dev assemblyscript';
    throw new Error(`mixerzoo-kernels: expected the package assemblyscript, got none. ${remedy}`, { cause });
  }
}

/** @param read - gets the files that were read. */
async function compile(entry, flags, read) {
  const asc = await import('assemblyscript/asc');
  let binary;
  const { error, stderr } = await asc.main([`${PLACE}/${ENTRY}`, '--outFile', 'kernel.wasm', ...FLAGS, ...flags], {
    readFile: async (name) => {
      try {
        const file = locate(name.startsWith('core/') ? name : posix.relative(PLACE, name), entry);
        const source = await readFile(file, 'utf8');
        read.add(file);
        return source.replace(SHARED_IMPORT, `${posix.relative(posix.dirname(name), 'core/assembly')}/`);
      } catch (error) {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null; // the compiler tries several names
        throw error;
      }
    },
    writeFile: (_name, contents) => {
      binary = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`mixerzoo-kernels: ${entry} does not compile.\n${stderr.toString()}`);
  assertNoData(entry, binary);
  return binary;
}

/** Walks the sections of a module: a data section would overwrite the heap it is loaded on. */
function assertNoData(entry, binary) {
  const DATA_SECTION = 11;
  let at = 8;
  while (at < binary.length) {
    const id = binary[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (id === DATA_SECTION) {
      throw new Error(
        `mixerzoo-kernels: ${entry} holds static data (a string or array literal). Pass tables in as tensors.`,
      );
    }
    at += size;
  }
}
