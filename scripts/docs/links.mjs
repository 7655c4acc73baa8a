/** Links of documents: every relative one leads to a file, and to a heading that is there. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { slug } from 'github-slugger';

/** @returns what is wrong, a line each. */
export function linkFaults(file) {
  const faults = [];
  const text = readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const to = path === '' ? file : join(dirname(file), path);
    if (!existsSync(to)) faults.push(`${file}: expected a link to a file, got ${target}`);
    else if (anchor && to.endsWith('.md') && !headingsOf(to).includes(anchor)) {
      faults.push(`${file}: expected a link to a heading of ${to}, got #${anchor}`);
    }
  }
  return faults;
}

/** Headings as GitHub makes anchors of them. */
function headingsOf(file) {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading));
}
