/// <reference types="vite/client" />
/**
 * Golden vectors of every package: the files in MIXERZOO_GOLDEN_DIR, by default the fixtures beside the packages'
 * sources. A package's checks are the export `golden` of its `src/golden.ts`. Files from elsewhere may be of mixers that the
 * zoo does not have: they are skipped, by name.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useEngine } from '@mixerzoo/core';
import { type GoldenChecks, readGolden } from '@mixerzoo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const modules = import.meta.glob<{ golden: GoldenChecks }>('../../*/src/golden.ts', { eager: true });
const checks: GoldenChecks = Object.assign({}, ...Object.values(modules).map((module) => module.golden));

const packages = fileURLToPath(new URL('../..', import.meta.url));
const directory = process.env.MIXERZOO_GOLDEN_DIR;
const files = directory ? await goldenFiles(directory) : await fixtureFiles();
let ran = 0;

describe(`golden vectors (${directory ?? 'fixtures'})`, () => {
  beforeAll(async () => {
    await useEngine();
  });

  afterAll(() => {
    console.log(`golden vectors: ${ran} of ${files.length} files checked.`);
  });

  it('finds files', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.for(files.map((file) => [basename(file), file] as const))('%s', async ([, file], { skip }) => {
    const golden = await readGolden(file);
    const check = checks[golden.mixer];
    const known = `no check for '${golden.mixer}' (known: ${Object.keys(checks).join(', ')})`;
    if (directory) skip(check === undefined, known);
    expect(check, known).toBeDefined();
    await check?.(golden);
    ran += 1;
  });

  it('checks some of them', () => {
    expect(ran).toBeGreaterThan(0);
  });
});

async function goldenFiles(from: string): Promise<string[]> {
  const names = await readdir(from);
  return names
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => join(from, name));
}

async function fixtureFiles(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(packages)) {
    const fixtures = join(packages, name, 'src', '__fixtures__', 'golden');
    if (existsSync(fixtures)) found.push(...(await goldenFiles(fixtures)));
  }
  return found;
}
