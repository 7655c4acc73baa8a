/**
 * The addon from its sources, by the C++ compiler of this machine: `build/<platform>-<arch>.node`, and beside it what it was made
 * from. It is made again where that is of other content now.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const SOURCE = join(PACKAGE, 'source');
const BUILD = join(PACKAGE, 'build');
const PLATFORM = `${process.platform}-${process.arch}`;

/** Instruction sets by processor: the list's name, lanes and registers of a vector, and what the compiler is told. */
const INSTRUCTION_SETS = {
  x64: {
    Avx512: {
      lanes: 16,
      registers: 32,
      flags: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'],
    },
    Avx2: { lanes: 8, registers: 16, flags: ['-mavx2', '-mfma'] },
    Portable: { lanes: 4, registers: 16, flags: [] },
  },
  arm64: { Neon: { lanes: 4, registers: 32, flags: [] } },
};
/** `-fno-math-errno`: a square root is one instruction. Nothing else of the rules for floating point is relaxed. */
const FLAGS = [
  '-O3',
  '-std=c++17',
  '-fPIC',
  '-fvisibility=hidden',
  '-ffp-contract=fast',
  '-fno-math-errno',
  '-Wno-psabi',
  '-DNAPI_VERSION=8',
];
const COMPILERS = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);

/** Where the addon lies that was compiled here. */
export const addonFile = join(BUILD, `${PLATFORM}.node`);

/**
 * Compiles the addon unless what is there was made from what is there now.
 *
 * @returns whether it was compiled.
 * @throws Error where this machine cannot, or with what the compiler says.
 */
export async function ensureAddon() {
  const record = join(BUILD, `${PLATFORM}.json`);
  const sources = digestOf(SOURCE);
  const madeFrom = JSON.stringify({
    sources,
    flags: digest(JSON.stringify([FLAGS, INSTRUCTION_SETS])),
  });
  if (existsSync(addonFile) && existsSync(record) && readFileSync(record, 'utf8') === madeFrom) return false;
  const sets = INSTRUCTION_SETS[process.arch];
  if (!sets || process.platform === 'win32') {
    throw new Error(
      `mixerzoo-native: expected Linux or macOS on x64 or arm64, got ${PLATFORM}. The wasm engine runs without it.`,
    );
  }
  const compiler = await findCompiler();
  const headers = join(createRequire(import.meta.url).resolve('node-api-headers/package.json'), '../include');
  mkdirSync(BUILD, { recursive: true });
  const scratch = mkdtempSync(join(BUILD, 'objects-'));
  try {
    const compile = async (file, name, flags) => {
      const object = join(scratch, `${name}.o`);
      await run(compiler, [...FLAGS, ...flags, '-c', join(SOURCE, file), '-o', object]);
      return object;
    };
    const objects = await Promise.all([
      compile('addon.cc', 'addon', [`-I${headers}`, `-DSOURCES="${sources}"`]),
      compile('pool.cc', 'pool', ['-pthread']),
      ...Object.entries(sets).map(([name, { lanes, registers, flags }]) =>
        compile('kernels.cc', name, [
          ...flags,
          `-DLANES=${lanes}`,
          `-DREGISTERS=${registers}`,
          `-DLIST=kernels${name}`,
        ]),
      ),
    ]);
    const draft = join(scratch, 'addon.node');
    const shared = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
    await run(compiler, [...shared, '-pthread', ...objects, '-o', draft]);
    // In one step: others may load it now.
    renameSync(draft, addonFile);
    writeFileSync(record, madeFrom);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return true;
}

/** @throws Error where there is none that runs. */
async function findCompiler() {
  for (const compiler of COMPILERS) {
    try {
      await run(compiler, ['--version']);
      return compiler;
    } catch {
      // Not there: the next.
    }
  }
  const hint = process.platform === 'darwin' ? 'xcode-select --install' : 'e.g. apt-get install g++';
  throw new Error(
    `mixerzoo-native: expected a C++17 compiler (${COMPILERS.join(', ')}), got none. Install one (${hint}), or set CXX.`,
  );
}

function digestOf(directory) {
  return digest(
    readdirSync(directory)
      .sort()
      .flatMap((file) => [file, readFileSync(join(directory, file), 'utf8')])
      .join('\n'),
  );
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** @throws Error with what the command wrote. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`mixerzoo-native: expected '${command} ${args.join(' ')}' to succeed, got\n${output}`));
    });
  });
}
