/** What editors show of options, on declarations and modules made for it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

// Within node_modules, where the module finds zod.
const directory = mkdtempSync(fileURLToPath(new URL('../node_modules/.option-docs-', import.meta.url)));
afterAll(() => rmSync(directory, { recursive: true }));

const OPTIONS = `
  odd: z.number().default(3).describe('an odd number'),
  even: z.enum(['two', 'four']).default('two').describe('an even one.'),
  none: z.number().optional().describe('none of them'),
  own: z.number().default(1).describe('what the default of another is'),
  inner: z.strictObject({ odd2: z.boolean().default(true).describe('the one within') }).prefault({}).describe('two of them'),
`;
const DECLARED = (even: string) => `{
    odd: z.ZodDefault<z.ZodNumber>;
    even: z.ZodDefault<${even}>;
    none: z.ZodOptional<z.ZodNumber>;
    own: z.ZodDefault<z.ZodNumber>;
    inner: z.ZodPrefault<z.ZodObject<{
        odd2: z.ZodDefault<z.ZodBoolean>;
    }, z.core.$strict>>;
}`;

it("writes what an option is, and its schema's own default, into the declarations", () => {
  for (const folder of ['src', 'dist']) mkdirSync(join(directory, folder));
  const write = (file: string, text: string) => writeFileSync(join(directory, file), text);
  write('src/odd.ts', `import * as z from 'zod';\nexport const schema = z.strictObject({${OPTIONS}});`);
  write(
    'dist/odd.js',
    `import * as z from 'zod';
export const schema = z.strictObject({${OPTIONS}});
export const other = z.strictObject({ ...schema.shape, even: schema.shape.even.unwrap().default('four') });`,
  );
  write(
    'src/kept.ts',
    "import * as z from 'zod';\nconst kept = z.strictObject({ lone: z.number().default(-4).describe('a lone one') });",
  );
  write('dist/kept.js', 'export {};');
  write('dist/kept.d.ts', 'declare const kept: z.ZodObject<{\n    lone: z.ZodDefault<z.ZodNumber>;\n}>;');
  write(
    'dist/made.js',
    "import * as z from 'zod';\nexport const make = Object.assign(() => {}, { schema: z.strictObject({ odd: z.number().default(5) }) });",
  );
  write(
    'dist/made.d.ts',
    `declare const hidden: z.ZodObject<{\n    odd: z.ZodDefault<z.ZodNumber>;\n    even: z.ZodNumber;\n    none: z.ZodNumber;\n    own: z.ZodNumber;\n    inner: z.ZodNumber;\n}>;
export declare const make: MixerFactory<typeof hidden>;`,
  );
  const declared = DECLARED('z.ZodEnum<{ two: "two"; four: "four" }>');
  write(
    'dist/odd.d.ts',
    `import * as z from 'zod';
export declare const schema: z.ZodObject<${declared}, z.core.$strict>;
export declare const other: z.ZodObject<${declared}, z.core.$strict>;`,
  );
  const script = fileURLToPath(new URL('option-docs.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: directory, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const [first, second] = readFileSync(join(directory, 'dist/odd.d.ts'), 'utf8').split('declare const other') as [
    string,
    string,
  ];
  for (const text of [first, second]) {
    expect(text).toContain('/** an odd number. Default: 3. */');
    expect(text).toContain('/** none of them */');
    expect(text).toContain('/** what the default of another is */');
    expect(text).toContain('/** the one within. Default: true. */');
  }
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  expect(read('dist/kept.d.ts')).toContain('/** a lone one. Default: -4. */');
  expect(read('dist/made.d.ts')).toContain('/** an odd number. Default: 5. */');
  expect(first).toContain("/** an even one. Default: 'two'. */");
  expect(second).toContain("/** an even one. Default: 'four'. */");
});
