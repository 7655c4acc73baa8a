/// <reference types="vite/client" />
/**
 * Training is the same on every engine: the losses of a short training of each mixer, against those of the wasm engine
 * in another process. On the wasm engine itself they must be the same numbers.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Plugin, useEngine } from '@mixerzoo/core';
import { expectClose, tolerances } from '@mixerzoo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { comparableLosses } from './train-losses.js';

const modules = import.meta.glob<{ plugin?: Plugin }>('../../../*/src/index.ts', { eager: true });
const factories = Object.values(modules).flatMap(({ plugin }) => plugin?.mixers ?? []);

/** `mixerzoo engines verify wasm --all --json`, from source. */
async function lossesOnWasm(): Promise<Readonly<Record<string, readonly number[]>>> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--conditions=@mixerzoo/source', '--import', loader, entry],
    ...['engines', 'verify', 'wasm', '--all', '--json'],
  ]);
  return (JSON.parse(stdout) as { losses: Record<string, number[]> }).losses;
}

/** A software driver of a GPU takes a second for a step when other processes keep the machine busy. */
const TIMEOUT = 600_000;

describe('conformance of training', { timeout: TIMEOUT }, () => {
  let engineName: string;
  let reference: Readonly<Record<string, readonly number[]>>;

  beforeAll(async () => {
    engineName = (await useEngine()).name;
    reference = await lossesOnWasm();
  }, TIMEOUT);

  it('finds mixers', () => {
    expect(factories.length).toBeGreaterThan(0);
  });

  it.each(factories.map((factory) => [factory.mixerName, factory] as const))(
    '%s: 20 steps have the losses of the wasm engine',
    async (name, factory) => {
      const losses = await comparableLosses(factory);
      const expected = reference[name] as readonly number[];
      if (engineName === 'wasm') expect(losses).toEqual(expected);
      else {
        const asTensor = (data: readonly number[]) => ({ shape: [data.length], data });
        await expectClose(asTensor(losses), asTensor(expected), tolerances().training, `losses of ${name}`);
      }
    },
  );
});
