import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { visible, visibleLine } from './terminal.js';

describe('visible', () => {
  it('writes what a terminal would obey as JSON does, and leaves the rest', () => {
    expect(visible('a\u001b[2Jb\u009b1mc\u0007\r\u007f\u202e\u2066\u2028\ud800d')).toBe(
      'a\\u001b[2Jb\\u009b1mc\\u0007\\u000d\\u007f\\u202e\\u2066\\u2028\\ud800d',
    );
    const plain = 'Zeile 1\n\t实验 – “CAT”, 🚀 👩\u200d💻 می\u200cخواهم';
    expect(visible(plain)).toBe(plain);
    expect(visible('a\r\nb')).toBe('a\nb');
  });

  it('does not change what JSON says', () => {
    const value = { '\u001b[31m': ['\u009b', '\u202e', 'a\nb', '\ud800'] };
    expect(JSON.parse(visible(JSON.stringify(value, null, 2)))).toEqual(value);
  });
});

describe('visibleLine', () => {
  it('is one line', () => {
    expect(visibleLine('a\nb\r\n\tc\u2028d\u001b')).toBe('a b c d\\u001b');
  });
});

describe('the commands', () => {
  it('write by this module alone', () => {
    const root = import.meta.dirname;
    const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        /^(commands|runs|report|experiment|figures|tensorboard|installation|conformance)\b.*\.ts$|^[\w-]+\.ts$/.test(
          file,
        ) && !/\.test\.ts$/.test(file),
    );
    expect(sources.length).toBeGreaterThan(60);
    const writing = sources.filter((file) =>
      /\bstd(out|err)\.write\(|\bstream\.write\(|console\./.test(readFileSync(join(root, file), 'utf8')),
    );
    // The flush at the end of the process is no text.
    expect(writing.sort()).toEqual(['cli.ts', 'terminal.ts']);
  });
});
