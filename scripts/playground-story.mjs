/** The story of the playground, told to its end: each step is trained as the page sets it up, and held to what it says. */
import { assert, untilDone } from './playground-page.mjs';

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Accuracies of the last chart, by model: at one to eight times the training length. */
function byLength(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('.model')].map(({ dataset }) => dataset.lengths.split(' ').map(Number)),
  );
}

/** Waits until no model stands as the step before has left it. */
function untilBegun(page) {
  return page.waitForFunction(() =>
    [...document.querySelectorAll('.model')].every(({ dataset }) => dataset.status !== 'done'),
  );
}

/** What each step claims, of its models in order: `at` accuracies by length, `at99` the step of 99 %. */
const CLAIMS = [
  ([cat]) => [[cat.at[0] >= 0.99, 'CAT answers']],
  ([attention]) => [[attention.at[0] > 0.15 && attention.at[0] < 0.4, 'attention guesses among four values']],
  ([attention, filtered]) => [
    [attention.at[0] < 0.4, 'attention guesses'],
    [filtered.at99 <= 150, 'attention with three taps on the keys learns it in about a hundred steps'],
  ],
  ([positions, cat]) => [
    [positions.at[0] >= 0.95 && cat.at[0] >= 0.99, 'both begin alike'],
    [cat.at[3] >= 0.9, 'CAT holds at eight times the length'],
    [positions.at[3] < 0.5, 'attention with positions does not'],
  ],
  ([cat, linCat]) => [
    [linCat.at[0] >= 0.98, 'LinCAT answers as well with few pairs'],
    [cat.at[3] - linCat.at[3] > 0.15, 'many pairs blur in its state'],
  ],
  ([cat, landmark]) => [
    [landmark.at[0] >= 0.95, 'Landmark CAT answers'],
    [landmark.at[3] < landmark.at[0] - 0.005, 'with more blocks it misses more'],
    [landmark.at[3] < cat.at[3] && cat.at[3] >= 0.99, 'CAT, which reads all, does not'],
  ],
];

/** @param address - of the page as it opens. */
export async function tellsItsStory(page, address) {
  await page.goto(address);
  await page.getByRole('button', { name: 'Read the story' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.model').length === 1);
  const titles = [];
  const said = [];
  for (const [index, claims] of CLAIMS.entries()) {
    const step = index + 1;
    const eyebrow = await page.locator('.story .eyebrow').textContent();
    assert(eyebrow.startsWith(`Step ${step} of ${CLAIMS.length}`), `expected step ${step}, got '${eyebrow}'`);
    titles.push(await page.locator('.story h2').textContent());
    const models = await untilDone(page);
    const lengths = await byLength(page);
    const stood = models.map((model, at) => ({ ...model, at: lengths[at] }));
    const numbers = stood.map(({ name, at, at99 }) => `${name} ${at.map(percent).join(', ')}, 99 % at ${at99}`);
    for (const [holds, claim] of claims(stood)) {
      assert(holds, `step ${step}: expected that ${claim}, got ${numbers.join('; ')}`);
    }
    said.push(`${step}: ${numbers.join('; ')}`);
    if (step < CLAIMS.length) {
      await page.getByRole('button', { name: 'Next', exact: true }).click();
      await untilBegun(page);
    }
  }
  assert(new Set(titles).size === CLAIMS.length, `expected a title for each step, got ${titles}`);
  await page.getByRole('button', { name: 'Try it yourself' }).click();
  assert((await page.locator('.story').count()) === 0, 'expected the story to end');
  return `${titles.length} steps, and what each claims is so\n  ${said.join('\n  ')}`;
}
