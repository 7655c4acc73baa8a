/** What is loaded before a command is known: `mixerzoo --version` answers within 0.2 s because it is next to nothing. */
import { builtinModules } from 'node:module';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('loads no engine, no command and no large package to parse the command line', async () => {
  const { metafile } = await build({
    entryPoints: [`${import.meta.dirname}/cli.ts`],
    absWorkingDir: import.meta.dirname,
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: 'out',
    format: 'esm',
    platform: 'node',
    packages: 'external',
  });
  const packages = new Set<string>();
  const own = new Set(['cli.ts']);
  for (const file of own) {
    for (const { path, kind, external } of metafile.inputs[file]?.imports ?? []) {
      if (kind !== 'import-statement') continue;
      if (external) packages.add(path);
      else own.add(path);
    }
  }
  const foreign = [...packages].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
  expect(foreign.sort()).toEqual(['@mixerzoo/core/errors', 'cac', 'consola']);
  expect([...own].sort()).toEqual([
    'cli.ts',
    'command-line.ts',
    'own-version.ts',
    'process-end.ts',
    'runs/worker-argument.ts',
    'terminal.ts',
  ]);
  // The same walk sees what commands load, where it looks for that.
  const commands = metafile.inputs['command-line.ts']?.imports.filter(({ kind }) => kind === 'dynamic-import') ?? [];
  expect(commands.map(({ path }) => path)).toContain('commands/run.ts');
});
