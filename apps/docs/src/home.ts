/** The first page of the site, in the layout that VitePress has for it. */

const FEATURES = [
  [
    'Proved, not ported',
    'Every mixer is held to independent reference vectors: parallel form against step, values, every gradient, the size of its state, its FLOPs.',
    'contributing/mixer.md',
    'What each must pass',
  ],
  [
    'Identical tasks',
    'Recall, copying, state tracking, text: the same examples in the same order for all, each task with an oracle that must score 100 %.',
    'packages/tasks/index.md',
    'The tasks',
  ],
  [
    'Runs anywhere',
    'Laptop, GPU, browser: an engine changes speed, never results. Node and npm are all it needs.',
    'docs/engines.md',
    'Engines',
  ],
  [
    'Results that cannot lie',
    'A run is named by its config and code. Kill it, resume it, spread it over a cluster: the numbers are the same, bit for bit.',
    'docs/clusters.md',
    'How a run is held',
  ],
  [
    'The paper, figure by figure',
    'One command each, with the claims judged: holding, not holding, or not measured. Theorems are experiments held to their bounds.',
    'docs/reproducing-the-paper.md',
    'Reproducing the paper',
  ],
  [
    'A mixer is a package',
    'Functions over a tree of parameters. Yours is found because it is installed; no other file changes.',
    'docs/plugins.md',
    'Outside plugins',
  ],
] as const;

export function homePage(): string {
  const features = FEATURES.map(([title, details, link, linkText]) => ({
    title,
    details,
    link: `/${link.replace(/(index)?\.md$/, (_, index) => (index ? '' : '.html'))}`,
    linkText,
  }));
  const frontmatter = {
    layout: 'home',
    title: 'mixerzoo',
    titleTemplate: 'a zoo of sequence mixers',
    hero: {
      name: 'mixerzoo',
      text: 'Sequence mixers, on identical tasks',
      tagline:
        'Attention, CAT, Mamba, DeltaNet, RWKV-7 and their peers in TypeScript, each held to its equations, and a benchmark that compares them from laptop to GPU.',
      actions: [
        { theme: 'brand', text: 'Getting started', link: '/docs/getting-started.html' },
        { theme: 'alt', text: 'What the zoo has', link: '/reference/zoo.html' },
        { theme: 'alt', text: 'The command', link: '/reference/cli.html' },
      ],
    },
    features,
  };
  // YAML takes JSON as it is.
  return `---
${JSON.stringify(frontmatter, null, 2)}
---

## Two commands

\`\`\`sh
npm install -g @mixerzoo/bench
mixerzoo run quick
\`\`\`

train nine small models on multi-query associative recall and test them at up to eight times the training length. No GPU, no Python. The [overview](overview.md) has the numbers.

![Accuracy by test length of the nine models](docs/images/quick.svg)
`;
}
