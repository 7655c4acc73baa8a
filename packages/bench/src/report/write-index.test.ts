import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { writeIndex } from './write-index.js';
import { writeReport } from './write-report.js';

it('leads to the reports of a directory, and leaves out what is none', async () => {
  const root = await mkdtemp(join(tmpdir(), 'mixerzoo-index-'));
  try {
    expect(await writeIndex(root)).toBeUndefined();
    await writeReport([sampleRun()], join(root, 'run #1'));
    for (const [name, text] of [
      ['damaged', '{"title": "half'],
      ['foreign', '{"title": "of another program"}'],
    ] as const) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, 'report.json'), text);
    }
    const page = await readFile((await writeIndex(root))!, 'utf8');
    expect(page.match(/href="[^"]*report.html"/g)).toEqual(['href="run%20%231/report.html"']);
  } finally {
    await rm(root, { recursive: true });
  }
});
