/** An op is one shape everywhere: docs/architecture.md says which. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'packages/*/src/*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file && !file.endsWith('.test.ts') && existsSync(join(ROOT, file)));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const definitions = sources.filter((file) =>
  /^(export )?const \w+Op\b[^=]*= defineOp|return defineOp</m.test(read(file)),
);
const directories = definitions.map(dirname).filter((directory) => directory !== 'packages/core/src/ops');

describe.each(directories)('%s', (directory) => {
  const files = sources.filter((file) => dirname(file) === directory);

  it('defines its ops in index.ts, beside types.ts and reference.ts', () => {
    expect(definitions.filter((file) => dirname(file) === directory)).toEqual([join(directory, 'index.ts')]);
    for (const name of ['types.ts', 'reference.ts']) expect(files).toContain(join(directory, name));
  });

  it('says its types in types.ts, once', () => {
    const typed = files.filter((file) =>
      /^(export )?(type|interface) \w*(Inputs|Attrs|Outputs|Saved)\b/m.test(read(file)),
    );
    expect(typed).toEqual([join(directory, 'types.ts')]);
  });
});
