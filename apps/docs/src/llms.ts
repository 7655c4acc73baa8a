/** `llms.txt` (https://llmstxt.org): what the site holds, for programs that read it: a line a page, with the page as Markdown. */
import type { SitePage } from './generate.js';

export function llmsText(groups: readonly { readonly text: string; readonly pages: readonly SitePage[] }[]): string {
  const sections = groups
    .filter(({ pages }) => pages.length > 0)
    .map(({ text, pages }) => {
      const lines = pages.map(({ page, title, summary }) => `- [${title}](${page})${summary ? `: ${summary}` : ''}`);
      return `## ${text}\n\n${lines.join('\n')}`;
    });
  return `# mixerzoo

> A zoo of sequence mixers (attention, CAT, Mamba, DeltaNet, RWKV-7 and others) in TypeScript on TensorFlow.js, each held to independent reference vectors, and a benchmark, the command \`mixerzoo\`, that compares them on identical tasks.

Packages are on npm as \`@mixerzoo/*\`; Node >= 20.19 and browsers run them. A mixer is plain functions over a tree of parameters: \`init\`, \`apply\` (all tokens at once), \`step\` (a token at a time).

${sections.join('\n\n')}
`;
}
