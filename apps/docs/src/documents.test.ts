import { describe, expect, it } from 'vitest';
import { documents, outsideCode, pageOf, summaryOf, titleOf, toPage } from './documents.js';
import { GROUPS } from './groups.js';

const known = documents();

describe('pages of documents', () => {
  it('are where their documents are, an index for a README', () => {
    expect(pageOf('packages/cat/README.md')).toBe('packages/cat/index.md');
    expect(pageOf('docs/engines.md')).toBe('docs/engines.md');
    expect(pageOf('README.md')).toBe('overview.md');
  });

  it('lead to pages where there are pages, and to the repository elsewhere', () => {
    const { text, pictures } = toPage('README.md', known);
    expect(text).toContain('](./packages/attention/index.md)');
    expect(text).toContain('](./docs/engines.md#native-kernels-of-wasm)');
    expect(text).not.toContain('<!--');
    expect(pictures).toEqual(['docs/images/quick.svg']);
    expect(toPage('packages/bench/README.md', known).text).toContain(
      '](https://github.com/mixerzoo/mixerzoo/blob/main/packages/bench/src/experiment/limits.ts)',
    );
    expect(toPage('packages/core/README.md', known).text).toContain(
      '](../../contributing/mixer.md#what-to-build-it-from)',
    );
  });

  it('bring the pictures that they show, and lead to the repository for those that they name', () => {
    const { text, pictures } = toPage('docs/studies.md', known);
    expect(pictures).toContain('docs/figures/short-filters-quick.svg');
    expect(pictures).not.toContain('docs/figures/delta-recall-quick.svg');
    expect(text).toContain('](https://github.com/mixerzoo/mixerzoo/blob/main/docs/figures/delta-recall-quick.svg)');
  });

  it('keep code as it is', () => {
    const text = 'a\n```ts\na\n```\na\n';
    expect(outsideCode(text, (prose) => prose.replaceAll('a', 'b'))).toBe('b\n```ts\na\n```\nb\n');
  });

  it('have a title and a first sentence', () => {
    const text = '# The `x`\n\n```sh\nnpm test\n```\n\nAll of [it](x.md), as **said**: more. Then more.\n\n## Part\n';
    expect(titleOf('x.md', text)).toBe('The x');
    expect(summaryOf(text)).toBe('All of it, as said: more.');
    expect(() => titleOf('x.md', 'no heading')).toThrow('x.md: expected a heading of the first level, got none.');
  });
});

it('groups have a place for every document, each once', () => {
  const pages = GROUPS.flatMap((group) => group.pages);
  expect(pages.filter((page, index) => pages.indexOf(page) !== index)).toEqual([]);
  expect(known.filter((document) => !pages.includes(document))).toEqual([]);
});
