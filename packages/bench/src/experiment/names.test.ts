import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nameFault } from './name-fault.js';
import { assertNameIsFree, foldName, nameFromFile, slug } from './names.js';

const composed = 'caf\u00e9';
const decomposed = 'cafe\u0301';

describe('nameFromFile', () => {
  it.each([
    ['实验.yaml', '实验'],
    ['対照.config.ts', '対照'],
    ['опыт 2.yaml', 'опыт-2'],
    ['हिन्दी.json', 'हिन्दी'],
    [`${decomposed}.yaml`, composed],
    ['.mine.yaml', 'mine'],
    ['v1..yaml', 'v1'],
    ['a/b/my run (2).yaml', 'my-run-2-'],
  ])('keeps the letters of %s', (file, name) => {
    expect(nameFromFile(file)).toBe(name);
  });

  it.each(['🚀.yaml', '...yaml', 'con.yaml', 'LPT1.config.ts'])('asks for a name where %s gives none', (file) => {
    expect(() => nameFromFile(file)).toThrow(/: expected .*, got '.*'\. Give the experiment another: `name: /);
  });
});

describe('nameFault', () => {
  it.each(['实验', 'опыт-2', composed, 'v1.0', '_x', '𠮷', 'a'.repeat(255)])('takes %s', (name) => {
    expect(nameFault(name)).toBeUndefined();
  });

  it.each([
    ['..', /first a letter/],
    ['.mine', /first a letter/],
    ['a/b', /expected letters/],
    ['a\\b', /expected letters/],
    ['a\u0000', /expected letters/],
    ['a\u202eb', /expected letters/],
    ['a:b', /expected letters/],
    ['', /expected letters/],
    ['a.', /no '\.' at the end/],
    ['CON', /Windows keeps/],
    ['nul.2', /Windows keeps/],
    ['实'.repeat(86), /at most 255 bytes .* received 258/],
  ])('refuses %j', (name, message) => {
    expect(nameFault(name)).toMatch(message);
  });
});

describe('slug', () => {
  it('has the letters and digits of any script, in lower case', () => {
    expect(slug('CAT, 1 layer')).toBe('cat-1-layer');
    expect(slug('Катя, 2 слоя')).toBe('катя-2-слоя');
    expect(slug('实验 W = 3')).toBe('实验-w-3');
    expect(slug(decomposed)).toBe(composed);
    expect(slug('🚀')).toBe('model');
  });

  it('counts bytes, and cuts no character in two', () => {
    expect(slug('a1'.repeat(100))).toHaveLength(100);
    const long = slug('𠮷'.repeat(60));
    expect([Buffer.byteLength(long), long]).toEqual([100, '𠮷'.repeat(25)]);
  });
});

describe('assertNameIsFree', () => {
  it('refuses a name that a file system which ignores case or composition takes for one that is there', async () => {
    const out = mkdtempSync(join(tmpdir(), 'mixerzoo-names-'));
    for (const name of ['Tiny', 'straße', decomposed]) mkdirSync(join(out, name));
    await expect(assertNameIsFree(out, 'tiny')).rejects.toThrow(
      /name: .* differs from 'Tiny' .* more than case, got 'tiny'/,
    );
    await expect(assertNameIsFree(out, 'STRASSE')).rejects.toThrow(/'straße'/);
    for (const name of ['Tiny', 'tiny2', composed]) await assertNameIsFree(out, name);
    await assertNameIsFree(join(out, 'not-there'), 'tiny');
  });

  it('folds as the strictest of them', () => {
    expect(foldName('ΟΔΟΣ')).toBe(foldName('οδος'));
    expect(foldName(`${composed.toUpperCase()}`)).toBe(foldName(decomposed));
    expect(foldName('a')).not.toBe(foldName('а')); // Latin and Cyrillic
  });
});
