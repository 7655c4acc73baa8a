import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';

const out = mkdtempSync(join(tmpdir(), 'mixerzoo-theory-'));
const small = ['lengths=[8]', 'vocabSize=5', 'dModel=8', 'sequences=2'].flatMap((size) => [
  '--set',
  `corollary-1.${size}`,
]);
const corollary = ['theory', '--claim', 'corollary-1', ...small, '--out', out];

afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('mixerzoo theory', () => {
  it('runs a claim and writes its page, the same for the same seed', async () => {
    const { code, stdout } = await mixerzoo(...corollary, '--seed', '3', '--json');
    const result = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(result).toMatchObject({ seed: 3, claims: [{ id: 'corollary-1', sizes: { lengths: [8] }, holds: true }] });
    expect(readFileSync(result.page, 'utf8')).toContain('Corollary 1');
    expect(readFileSync(join(out, 'index.html'), 'utf8')).toContain('The theorems of CAT');
    expect((await mixerzoo(...corollary, '--seed', '3', '--json')).stdout).toBe(stdout);
    expect((await mixerzoo(...corollary, '--seed', '4', '--json')).stdout).not.toBe(stdout);
  });

  it('says in words what was built, measured, and how near to its bound', async () => {
    const { code, stdout } = await mixerzoo(...corollary);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /✔ holding: Corollary 1: .*built: .*3 checks, nearest to its bound: \|f - v\|, L = 8: measured 0\.\d+/s,
    );
    expect(stdout).toMatch(/1 of 1 claim holds, in .* s\./);
  });

  it('ends with 1 where a claim does not hold', async () => {
    const sizes = ['steps=1', 'lengths=[8,16]', 'vocabSize=4', 'dModel=8', 'sequences=2'];
    const flags = sizes.flatMap((size) => ['--set', `theorem-2.${size}`]);
    const { code, stdout } = await mixerzoo('theory', '--claim', 'theorem-2', ...flags, '--out', out);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✖ not holding: Theorem 2.*does not hold: eps_0, trained/s);
    expect(stdout).toContain('0 of 1 claim holds');
  });

  it.each([
    ['an unknown claim', ['--claim', 'theorem-9'], /unknown claim 'theorem-9'\. Did you mean 'theorem-\d'/],
    ['an unknown size', ['--set', 'theorem-1.seqLn=8'], /theorem-1: unknown key 'seqLn'\. Did you mean 'seqLen'/],
    [
      'sizes of an unknown claim',
      ['--set', 'theorm-1.seqLen=8'],
      /unknown claim 'theorm-1'\. Did you mean 'theorem-1'/,
    ],
    [
      'sizes of a claim that is not run',
      ['--claim', 'theorem-1', '--set', 'theorem-3.prompts=2'],
      /--set theorem-3: expected sizes of a claim that is run, got one that --claim leaves out/,
    ],
    ['a seed that is none', ['--seed', 'one'], /--seed: expected a seed/],
  ])('refuses %s', async (_, flags, message) => {
    const { code, stdout, stderr } = await mixerzoo('theory', ...flags, '--out', out);
    expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });
});
