import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'mixerzoo-reporter-')));
afterAll(() => rmSync(root, { recursive: true }));

const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const REPORTER = fileURLToPath(new URL('summary-reporter.ts', import.meta.url));
const TESTS = {
  'passes.test.ts': `it('a', () => {}); it('b', () => {}); it('c', ({ skip }) => skip('no time'));`,
  'fails.test.ts': `it('d', () => expect(1).toBe(2));`,
  'suite-hook.test.ts': `describe('suite', () => { beforeAll(() => { throw new Error('no engine'); }); it('e', () => {}); it('f', () => {}); }); it('g', () => {});`,
  'file-hook.test.ts': `beforeAll(() => { throw new Error('no engine'); }); it('h', () => {});`,
  'broken.test.ts': `throw new Error('no module');`,
};

it('counts and names what failed, outside of tests too: a hook, a module', () => {
  for (const [name, text] of Object.entries(TESTS)) writeFileSync(join(root, name), text);
  const counts = join(root, 'counts.json');
  const { stdout, status } = spawnSync(
    process.execPath,
    [VITEST, 'run', '--globals', '--root', root, '--reporter', REPORTER],
    { cwd: root, encoding: 'utf8', env: { ...process.env, MIXERZOO_TEST_COUNTS: counts } },
  );
  const lines = stdout.trim().split('\n');
  expect(lines.at(-1)).toBe('3 passed, 4 failed, 4 skipped');
  expect(lines).toContain('skipped 1: no time');
  expect(lines).toContain('skipped 1: a hook failed: suite > e');
  const failures = [
    'failed: broken.test.ts: no module',
    'failed: fails.test.ts > d: expected 1 to be 2 // Object.is equality',
    'failed: file-hook.test.ts: no engine',
    'failed: suite-hook.test.ts > suite: no engine',
  ];
  expect(lines.slice(-5, -1).sort()).toEqual(failures);
  const left = JSON.parse(readFileSync(counts, 'utf8')) as { count: object; failures: string[] };
  expect(left.count).toEqual({ passed: 3, failed: 4, skipped: 4 });
  expect(left.failures.sort()).toEqual(failures);
  expect(status).toBe(1);
});
