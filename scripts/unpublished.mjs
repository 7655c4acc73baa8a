/**
 * `node scripts/unpublished.mjs`: the public packages whose version npm does not have, each as `name@version`, on one line; nothing
 * where it has all of them. What the workflow `release` asks before it builds anything.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const missing = [];
for (const directory of readdirSync('packages')) {
  const manifest = JSON.parse(readFileSync(join('packages', directory, 'package.json'), 'utf8'));
  if (manifest.private || manifest.version === '0.0.0') continue; // changesets give the first version
  const id = `${manifest.name}@${manifest.version}`;
  const { status, stdout, stderr } = spawnSync('npm', ['view', id, 'version', '--json'], { encoding: 'utf8' });
  if (status === 0 && stdout.trim() !== '') continue;
  if (status !== 0 && !/E404/.test(`${stdout}${stderr}`)) {
    console.error(`unpublished: expected an answer of the registry about ${id}, got\n${stderr}`);
    process.exit(1);
  }
  missing.push(id);
}
console.log(missing.join(' '));
