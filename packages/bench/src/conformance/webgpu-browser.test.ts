/**
 * The webgpu engine in a page: the packages bundled for the browser train a CAT in headless Chromium, on the adapter it
 * has or on SwiftShader. Skipped where there is no Chromium or its WebGPU finds no adapter. Asked for by
 * MIXERZOO_ENGINE=webgpu alone: everything else about it is the same code as in Node.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { CHROMIUM_PLACES, findChromium } from '../../../../scripts/chromium.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

const PAGE = `
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
globalThis.trainInPage = async () => {
  if (!navigator.gpu || !(await navigator.gpu.requestAdapter())) return { reason: 'WebGPU found no adapter in the page' };
  const { description } = await useEngine('webgpu');
  const trainer = await createTrainer({
    model: createLanguageModel({ vocabSize: 16, dModel: 16, layers: [{ sequenceMixer: cat({ dModel: 16, nHeads: 1 }), channelMixer: 'none' }] }),
    task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
    seed: 1, batchSize: 16, examplesPerEpoch: 16 * 20, epochs: 1, freshExamples: true,
    optimizer: { learningRate: 2e-2 }, validationExamples: 16,
  });
  const losses = [];
  await trainer.runEpoch({ onStep: ({ loss }) => losses.push(loss) });
  return { description, losses };
};
`;

describe('the webgpu engine in a browser', () => {
  let browser: Browser | undefined;
  let server: Server | undefined;
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  it('trains in a page', { timeout: 300_000 }, async (context) => {
    if (process.env['MIXERZOO_ENGINE'] !== 'webgpu')
      context.skip('about the webgpu engine: set MIXERZOO_ENGINE=webgpu');
    const executablePath = findChromium();
    if (!executablePath) context.skip(`no Chromium in ${CHROMIUM_PLACES.join(', ')}`);
    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      conditions: ['@mixerzoo/source'],
      external: ['webgpu', 'node:*', '@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'],
      logLevel: 'error',
    });
    const script = outputFiles[0]?.text ?? '';
    server = createServer(({ url }, response) => {
      const isScript = url === '/page.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>');
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({ executablePath: executablePath as string, args: ARGUMENTS });
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { waitUntil: 'load' });
    await page.waitForFunction('globalThis.trainInPage !== undefined', undefined, { timeout: 60_000 });
    const found = (await page.evaluate('globalThis.trainInPage()')) as {
      reason?: string;
      description: string;
      losses: number[];
    };
    if (found.reason) context.skip(found.reason);
    expect(faults.filter((fault) => !/favicon/.test(fault))).toEqual([]);
    expect(found.description).toMatch(/^WebGPU on /);
    expect(found.losses).toHaveLength(20);
    expect(found.losses.every(Number.isFinite)).toBe(true);
    const mean = (losses: number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(mean(found.losses.slice(-5))).toBeLessThan(mean(found.losses.slice(0, 5)) - 0.1);
  });
});
