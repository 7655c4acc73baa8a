/** The order of the site: what stands in its side bar, by groups. A document that no group names stands in the last one. */

/** A document, by its path in the repository, or a page that is generated, by its path in the site. */
export interface Group {
  readonly text: string;
  readonly pages: readonly string[];
}

export const GROUPS: readonly Group[] = [
  {
    text: 'Start',
    pages: [
      'docs/getting-started.md',
      'README.md',
      'docs/using-a-mixer.md',
      'docs/in-the-browser.md',
      'docs/faq.md',
      'docs/glossary.md',
    ],
  },
  {
    text: 'Use',
    pages: [
      'packages/bench/README.md',
      'docs/engines.md',
      'docs/language-models.md',
      'docs/clusters.md',
      'docs/short-filters.md',
      'docs/recall-recipes.md',
      'docs/studies.md',
      'docs/mad.md',
    ],
  },
  {
    text: 'The paper',
    pages: [
      'docs/reproducing-the-paper.md',
      'docs/theory.md',
      'docs/theory-landmark.md',
      'docs/landmark.md',
      'docs/selective-copying.md',
    ],
  },
  { text: 'Reference', pages: ['reference/cli.md', 'reference/zoo.md', 'reference/api/index.md'] },
  {
    text: 'Mixers',
    pages: [
      'packages/attention/README.md',
      'packages/cat/README.md',
      'packages/based/README.md',
      'packages/mamba/README.md',
      'packages/gla/README.md',
      'packages/retention/README.md',
      'packages/xlstm/README.md',
      'packages/hyena/README.md',
      'packages/rwkv/README.md',
      'packages/delta/README.md',
      'packages/landmark/README.md',
    ],
  },
  {
    text: 'Other packages',
    pages: [
      'packages/core/README.md',
      'packages/tasks/README.md',
      'packages/text/README.md',
      'packages/language-models/README.md',
      'packages/lm-eval/README.md',
      'packages/theory/README.md',
      'packages/native/README.md',
      'packages/create-mixerzoo/README.md',
    ],
  },
  {
    text: 'Extend',
    pages: [
      'docs/plugins.md',
      'contributing/mixer.md',
      'contributing/op.md',
      'contributing/kernel.md',
      'contributing/task.md',
      'docs/adding-a-task.md',
      'contributing/figure.md',
      'contributing/engine.md',
      'contributing/command.md',
      'packages/core/assembly/README.md',
    ],
  },
  {
    text: 'Project',
    pages: [
      'docs/architecture.md',
      'docs/performance.md',
      'docs/contract.md',
      'benchmarks/README.md',
      'CONTRIBUTING.md',
      'CODE_OF_CONDUCT.md',
      'AGENTS.md',
      'SECURITY.md',
    ],
  },
];

/** Where documents that no group names are put. */
export const LAST_GROUP = 'Project';
