/** `mixerzoo doctor`: what this machine has and lacks, and how to get it. */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { diagnoseEngines, engineOfEnvironment } from '@mixerzoo/core/harness';
import { byKind } from '../part-kinds.js';
import { discoverPlugins, packagesOf } from '../plugins.js';
import { describeMachine, packageVersion } from '../runs/environment.js';
import { print, printJson, visibleLine } from '../terminal.js';

/** What `MIXERZOO_ENGINE` asks for, and whether there is such an engine; undefined where it is not set. */
function askedEngine(): { readonly name: string; readonly known: boolean; readonly message: string } | undefined {
  try {
    const name = engineOfEnvironment();
    return name === undefined ? undefined : { name, known: true, message: 'asked for by MIXERZOO_ENGINE' };
  } catch (error) {
    return { name: String(process.env['MIXERZOO_ENGINE']), known: false, message: (error as Error).message };
  }
}

const MINIMUM_NODE = [20, 19] as const;

/** @returns the exit code: 0 if training is possible here. */
export async function doctor(flags: { json?: boolean }): Promise<number> {
  const [machine, registry] = await Promise.all([describeMachine(), discoverPlugins(process.cwd())]);
  const engines = await diagnoseEngines();
  const asked = askedEngine();
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const nodeFits = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
  const plugins = packagesOf(registry).map((name) => ({
    name,
    version: packageVersion(name) ?? 'unknown',
    ...byKind((kind) => registry[kind].flatMap((entry) => (entry.packageName === name ? [entry.name] : []))),
  }));
  const found = {
    mixerzoo: packageVersion('@mixerzoo/bench') ?? 'unknown',
    node: { version: process.versions.node, supported: nodeFits },
    ...machine,
    availableCores: availableParallelism(),
    freeMemoryBytes: freemem(),
    engines,
    askedEngine: asked ?? null,
    plugins,
    faults: registry.faults,
  };
  const healthy =
    nodeFits && (asked?.known ?? true) && engines.some((engine) => engine.available && engine.name !== 'cpu');
  if (flags.json) {
    printJson({ healthy, ...found });
    return healthy ? 0 : 1;
  }
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const lines = [
    `mixerzoo ${found.mixerzoo}`,
    '',
    'Machine',
    mark(nodeFits, `Node ${found.node.version}`, nodeFits ? '' : `needs ${MINIMUM_NODE.join('.')} or later`),
    `    ${machine.platform}, ${machine.cpu.model}, ${found.availableCores} cores`,
    `    ${gib(totalmem())} memory, ${gib(found.freeMemoryBytes)} free`,
    `    graphics: ${machine.gpus.join(', ') || 'none found'}`,
    '',
    'Engines',
    ...engines.flatMap(({ available, name, message, withoutNative }) => [
      mark(available, name, message),
      ...(withoutNative ? [visibleLine(`    without native kernels: ${withoutNative}`)] : []),
    ]),
    ...(asked ? [mark(asked.known, asked.name, asked.message)] : []),
    '',
    'Plugins',
    ...plugins.map(({ name, version, ...parts }) =>
      mark(true, `${name} ${version}`, Object.values(parts).flat().join(', ')),
    ),
    ...registry.faults.map(({ packageName, message }) => mark(false, packageName, message)),
  ];
  print(lines.join('\n'));
  return healthy ? 0 : 1;
}

function mark(good: boolean, name: string, words: string): string {
  return visibleLine(`  ${good ? '✔' : '✖'} ${name}${words ? `: ${words}` : ''}`);
}
