import { lstatSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replaceFile } from './replace-file.js';

it('replaces a file, or a link itself, through no name that others could have taken', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-replace-'));
  const precious = join(directory, 'precious');
  const path = join(directory, 'result.json');
  writeFileSync(precious, 'keep');
  symlinkSync(precious, path);
  symlinkSync(precious, `${path}.${process.pid}.tmp`); // where drafts once were
  await replaceFile(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(lstatSync(path).isSymbolicLink()).toBe(false);
  expect(readFileSync(precious, 'utf8')).toBe('keep');
  await expect(replaceFile(join(directory, 'nowhere', 'file'), '')).rejects.toThrow(/ENOENT/);
  await expect(replaceFile(directory, '')).rejects.toThrow();
  expect(readdirSync(directory).sort()).toEqual(['precious', 'result.json', `result.json.${process.pid}.tmp`]);
});
