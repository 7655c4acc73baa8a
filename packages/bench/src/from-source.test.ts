/** `mixerzoo --source`: the command without a build. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../bin', import.meta.url));
const mixerzoo = (bin: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(bin, 'mixerzoo.mjs'), ...args], { encoding: 'utf8' });

it('runs from the sources, and ends as the command does', () => {
  const listed = mixerzoo(BIN, '--source', 'list', 'tasks', '--json');
  expect(listed.stderr).not.toMatch(/ERROR/);
  expect(JSON.parse(listed.stdout)).toContainEqual(expect.objectContaining({ name: 'mqar' }));
  const refused = mixerzoo(BIN, 'list', 'task', '--source');
  expect(refused.stderr).toMatch(/unknown list 'task'/);
  expect(refused.status).toBe(2);
});

it('says where there are none', () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'mixerzoo-bin-'));
  cpSync(BIN, elsewhere, { recursive: true });
  const { status, stderr } = mixerzoo(elsewhere, '--source', 'list', 'tasks');
  expect(stderr).toMatch(
    /^mixerzoo: --source: expected sources in .*cli\.ts, got an installed package\. Leave --source out/,
  );
  expect(status).toBe(2);
  rmSync(elsewhere, { recursive: true });
});
