import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const workflow = (name: string) => readFileSync(new URL(`../.github/workflows/${name}.yml`, import.meta.url), 'utf8');

/** The text of a job, by its name. */
function jobOf(text: string, job: string): string {
  const [, jobs = ''] = text.split(/^jobs:$/m);
  return jobs.split(/^ {2}(?=\w+:$)/m).find((part) => part.startsWith(`${job}:`)) ?? '';
}

it.each(['release', 'native', 'ci'])('what %s runs of others is a commit, with the version that it is of', (name) => {
  const uses = [...workflow(name).matchAll(/uses: (.*)$/gm)].map(([, what]) => what as string);
  const foreign = uses.filter((what) => !what.startsWith('./'));
  expect(foreign.length).toBeGreaterThan(2);
  expect(foreign.filter((what) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(what))).toEqual([]);
});

it('only the job that publishes may say who it is, after the release was tried and the addons were built', () => {
  const text = workflow('release');
  expect(text.match(/id-token: write/g)).toHaveLength(1);
  expect(text.match(/secrets\.NPM_TOKEN/g)).toHaveLength(2);
  expect(text.split(/^jobs:$/m)[0]).toMatch(/^permissions:\n {2}contents: read$/m);
  const publish = jobOf(text, 'publish');
  expect(publish).toMatch(/id-token: write/);
  expect(publish.match(/NPM_CONFIG_PROVENANCE: "true"/g)).toHaveLength(2);
  expect(publish).toMatch(/needs: native/);
  expect(jobOf(text, 'native')).toMatch(/needs: dry/);
  expect(jobOf(text, 'dry')).toMatch(/run: npm run release:dry/);
});

it('the commit of versions is one that check-commits takes', async () => {
  const { faultsOf } = await import('./check-commits.mjs');
  const [, message = ''] = /commit: \|\n((?: {12}.*\n|\n)+)/.exec(workflow('release')) ?? [];
  expect(faultsOf(message.replaceAll(/^ {12}/gm, ''))).toEqual([]);
});
