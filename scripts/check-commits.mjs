/**
 * `node scripts/check-commits.mjs <range>`: subjects of at most 72 characters that begin with a package, or with what is outside
 * of all, and a body that says why; merges are passed by. `main..HEAD` where no range is given.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const OUTSIDE = ['apps', 'benchmarks', 'ci', 'docs', 'repo', 'scripts', 'templates', 'tests'];
const LONGEST = 72;
const known = [...readdirSync('packages'), ...OUTSIDE];

/** @returns what is wrong with a message; nothing where it is as it should be. */
export function faultsOf(message) {
  const [subject = '', blank, ...body] = message.trimEnd().split('\n');
  const [, names] = /^([a-z0-9-]+(?:, [a-z0-9-]+)*): \S/.exec(subject) ?? [];
  const faults = [];
  if (subject.length > LONGEST) faults.push(`expected at most ${LONGEST} characters, got ${subject.length}`);
  if (names === undefined) faults.push(`expected a package and a colon first ('cat: …'), one of ${known.join(', ')}`);
  else {
    const strange = names.split(', ').filter((name) => !known.includes(name));
    if (strange.length > 0) faults.push(`expected packages of ${known.join(', ')}, got ${strange.join(', ')}`);
  }
  if (blank !== '' || body.join('').trim() === '') faults.push('expected a blank line and a body that says why');
  return faults;
}

if (process.argv[1] === import.meta.filename) {
  const [range = 'main..HEAD'] = process.argv.slice(2);
  const log = spawnSync('git', ['log', '--no-merges', '--format=%h %B%x00', range], { encoding: 'utf8' });
  if (log.status !== 0) {
    console.error(`check-commits: expected a range that git knows, got '${range}'.\n${log.stderr}`);
    process.exit(2);
  }
  const commits = log.stdout
    .split('\0')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  let failures = 0;
  for (const commit of commits) {
    const [, hash, message] = /^(\S+) ([\s\S]*)$/.exec(commit);
    for (const fault of faultsOf(message)) {
      failures += 1;
      console.error(`${hash} ${message.split('\n', 1)[0]}\n  ${fault}`);
    }
  }
  console.log(`${commits.length} commits, ${failures} faults`);
  process.exit(failures === 0 ? 0 : 1);
}
