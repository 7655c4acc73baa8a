/**
 * `npm run bench:controls`: the trainings of `controls.yaml`, one each of attention, Based and Mamba, by our trainer and by PyTorch's own parts: the
 * same initial parameters, batches and order must give the same losses, so that a model that does not learn here has not been failed by
 * the harness. AdamW with its decay mask, warm-up, cosine and clipping are in it.
 *
 * Both compute in float32, in different orders: their losses drift apart, as those of PyTorch in float32 and in float64 do, which stand beside.
 *
 * Options: `--python python3` (one that has torch), `--config benchmarks/controls.yaml`, `--engine wasm`, `--out <directory>` (default
 * reports/controls: controls.json with every loss, controls.md). `--write` puts the tables into docs/reproducing-the-paper.md.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type EngineChoice, useEngine } from '@mixerzoo/core';
import { loadExperiment } from '../packages/bench/src/experiment/experiment-source.js';
import { resolveRuns } from '../packages/bench/src/experiment/resolve-runs.js';
import { discoverPlugins } from '../packages/bench/src/plugins.js';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { writeDocsTable } from './docs-table.js';
import { type Control, runControl } from './peers/control.js';
import { CONTROLS_DOCUMENT, type ControlResults, controlsMarkdown } from './peers/control-table.js';
import { repositoryFile } from './repository.js';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      python: { type: 'string', default: 'python3' },
      config: { type: 'string', default: fileURLToPath(repositoryFile('benchmarks/controls.yaml')) },
      engine: { type: 'string', default: 'wasm' },
      out: { type: 'string', default: 'reports/controls' },
      write: { type: 'boolean', default: false },
    },
  });
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  const registry = await discoverPlugins(process.cwd());
  const runs = await resolveRuns(
    await loadExperiment({ file: resolve(values.config), assignments: [] }, registry),
    registry,
  );
  const { description } = await useEngine(values.engine as EngineChoice);
  const scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-controls-'));
  const controls: Control[] = [];
  for (const run of runs) {
    const control = await runControl(run, join(scratch, 'control.safetensors'), values.python);
    controls.push(control);
    const { relative, step } = control.difference.losses;
    console.log(`${control.label}: losses differ by ${relative.toExponential(1)} at most, at step ${step}`);
  }
  await rm(scratch, { recursive: true });
  const { cpu, platform } = await describeMachine();
  const results: ControlResults = {
    header: `Engine ${description} on ${cpu.model}, ${platform}; PyTorch ${controls[0]?.version} on the same CPU. Command: npm run bench:controls.`,
    controls,
  };
  const markdown = controlsMarkdown(results);
  await writeFile(join(out, 'controls.json'), `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(join(out, 'controls.md'), `# Controls\n\n${markdown}\n`);
  if (values.write) await writeDocsTable('controls', results, markdown, { path: CONTROLS_DOCUMENT });
  console.log(`\n${markdown}\nWritten to ${out}.`);
}

await main();
process.exit(0);
