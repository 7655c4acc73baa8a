/** The playground's page as its checks see it: how its models stand, and what is waited for. */

export function assert(holds, message) {
  if (!holds) throw new Error(message);
}

/** How the models stand. */
export function standings(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('.model')].map((model) => ({
      name: model.querySelector('.name').textContent.trim(),
      status: model.dataset.status,
      engine: model.dataset.engine,
      step: Number(model.dataset.step),
      accuracy: Number(model.dataset.accuracy),
      at99: Number(
        model.querySelector('.score span').textContent.match(/99 % after (\d+) steps/)?.[1] ?? Number.POSITIVE_INFINITY,
      ),
      fault: model.querySelector('.notice')?.textContent,
      note: model.querySelector('.muted')?.textContent,
    })),
  );
}

/** How the models stand. @throws Error with what the page says of one that failed. */
async function withoutFault(page) {
  const models = await standings(page);
  const fault = models.find(({ status }) => status === 'failed');
  assert(!fault, `${fault?.name}: ${fault?.fault}`);
  return models;
}

/** Waits until all models have taken so many steps. */
export async function untilStep(page, step, timeout = 600_000) {
  await page.waitForFunction(
    (least) => {
      const models = [...document.querySelectorAll('.model')];
      const faults = models.filter(({ dataset }) => dataset.status === 'failed');
      return faults.length > 0 || (models.length > 0 && models.every(({ dataset }) => Number(dataset.step) >= least));
    },
    step,
    { timeout },
  );
  return withoutFault(page);
}

/** Waits until all trainings have come to their end. */
export async function untilDone(page, timeout = 600_000) {
  await page.waitForFunction(
    () => {
      const states = [...document.querySelectorAll('.model')].map(({ dataset }) => dataset.status);
      return states.includes('failed') || (states.length > 0 && states.every((status) => status === 'done'));
    },
    undefined,
    { timeout },
  );
  return withoutFault(page);
}

export async function pause(page) {
  await page.getByRole('button', { name: 'Pause' }).click();
}
