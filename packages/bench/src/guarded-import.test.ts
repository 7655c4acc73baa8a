import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { NODE_FLAGS } from './__fixtures__/command.js';
import { importGuarded } from './guarded-import.js';

describe('importGuarded', () => {
  it('makes an error of a call of process.exit, and gives it back afterwards', async () => {
    const { exit } = process;
    const calling = importGuarded('some-plugin', async () => process.exit(0));
    await expect(calling).rejects.toThrow('some-plugin: expected a module to import, got a call of process.exit(0).');
    expect(process.exit).toBe(exit);
    await Promise.all([importGuarded('a', async () => 1), importGuarded('b', async () => 2)]);
    expect(process.exit).toBe(exit);
  });

  it('gives up an import that never settles', async () => {
    const limits = { sayAfterMs: 10_000, giveUpAfterMs: 50 };
    await expect(importGuarded('some-plugin', () => new Promise(() => {}), limits)).rejects.toThrow(
      'some-plugin: expected an import that ends, got none within 0.05 s. Does a top-level await wait for ever? MIXERZOO_IMPORT_SECONDS allows more.',
    );
  });

  it('takes its limit from MIXERZOO_IMPORT_SECONDS, which is refused where it is none', async () => {
    const load = () => importGuarded('some-plugin', () => new Promise(() => {}));
    try {
      vi.stubEnv('MIXERZOO_IMPORT_SECONDS', '0.05');
      await expect(load()).rejects.toThrow('got none within 0.05 s.');
      vi.stubEnv('MIXERZOO_IMPORT_SECONDS', 'long');
      await expect(load()).rejects.toThrow(
        "MIXERZOO_IMPORT_SECONDS: expected a number above 0, at most 2147483, got 'long'.",
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('names an import that takes long, though it loops', async () => {
    const code = `
      const { importGuarded } = await import('${new URL('./guarded-import.ts', import.meta.url)}');
      const loop = (ms) => { for (const end = Date.now() + ms; Date.now() < end; ); };
      const limits = { sayAfterMs: 300, giveUpAfterMs: 10000 };
      await importGuarded('quick-plugin', async () => loop(1), limits);
      await importGuarded('slow-plugin', async () => loop(2000), limits);
    `;
    const { stderr } = await promisify(execFile)(process.execPath, [
      ...NODE_FLAGS,
      '--input-type=module',
      '--eval',
      code,
    ]);
    expect(stderr).toBe(
      'mixerzoo: importing slow-plugin takes long; the machine may be busy, or it waits for something, or loops. Ctrl-C ends it.\n',
    );
  });
});
