/**
 * The site of the documents. `SITE_BASE` is the path that it is served under (default `/`). Nothing of it asks another host for
 * anything: fonts, search and pictures are its own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { slug } from 'github-slugger';
import { type DefaultTheme, defineConfig } from 'vitepress';
import type { SitePage } from '../src/generate.js';
import { restageOnChange } from '../src/restage.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const groups: readonly { readonly text: string; readonly pages: readonly SitePage[] }[] = JSON.parse(
  readFileSync(file('../pages/site.json'), 'utf8'),
);
const addressOf = (page: string) => `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')}`;

/** The name of a page where there is little room. */
const nameOf = (page: string, title: string) =>
  page === 'overview.md' ? 'Overview' : title.replace(/^(API of )?@mixerzoo\//, '');

const sidebar: DefaultTheme.SidebarItem[] = groups
  .filter(({ pages }) => pages.length > 0)
  .map(({ text, pages }) => ({
    text,
    collapsed: text === 'API',
    items: pages.map(({ page, title }) => ({
      text: nameOf(page, title),
      link: addressOf(page),
    })),
  }));

/** Three taps of a filter. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="#0067a5"><path d="M3 6h6v20H3zM13 13h6v13h-6zM23 19h6v7h-6z"/></svg>';

/** Built beside the site by the workflow that publishes both. */
const playground = existsSync(file('../../playground/package.json'))
  ? [{ text: 'Playground', link: '/playground/', target: '_self' }]
  : [];

export default defineConfig({
  title: 'mixerzoo',
  description: 'A zoo of sequence mixers, and a benchmark that compares them on identical tasks.',
  lang: 'en',
  base: process.env['SITE_BASE'] ?? '/',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  srcDir: 'pages',
  outDir: 'dist',
  cacheDir: '../../node_modules/.cache/vitepress',
  ignoreDeadLinks: [/^\/playground\//],
  markdown: {
    anchor: { slugify: (text) => slug(text) },
    config(md) {
      // Documents are Markdown alone: `<name>` and `{{` in them are text.
      md.set({ html: false });
      const { text } = md.renderer.rules;
      md.renderer.rules.text = (tokens, index, options, env, self) => {
        const shown = text?.(tokens, index, options, env, self) ?? md.utils.escapeHtml(tokens[index]?.content ?? '');
        return shown.replaceAll('{{', '&#123;&#123;');
      };
    },
  },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/docs/getting-started.html' },
      { text: 'Zoo', link: '/reference/zoo.html' },
      { text: 'Command', link: '/reference/cli.html' },
      { text: 'API', link: '/reference/api/' },
      ...playground,
    ],
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/mixerzoo/mixerzoo' }],
    docFooter: { prev: false, next: false },
  },
  vite: { plugins: [restageOnChange()] },
});
