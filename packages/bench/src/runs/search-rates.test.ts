/** The search with trainings that are made up; those of processes are in `processes.test.ts`. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { writeRun } from '../__fixtures__/write-run.js';
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { tableCsv } from '../report/csv.js';
import { groupEntries } from '../report/entries.js';
import { reportPage } from '../report/page.js';
import { markdownTable } from '../report/table.js';
import { loadRuns } from './read-results.js';
import { type BroughtRun, searchRates } from './search-rates.js';

const RATES = [0.03, 0.01, 0.003, 0.001, 1];
const EPOCHS = 10;

/** What a run has on validation at the end of an epoch: the best rate of the end, 0.003, is slow at first. */
const curve = (rate: number, epoch: number) => (rate === 0.003 ? 0.09 * epoch : Math.min(0.6, 5 * rate * epoch));

/** Every rate at seeds 0 and 1. The rate 1 diverges at once. */
function plan(): PlannedRun[] {
  const search = { rates: RATES, rungs: [1, 3], keep: 0.5, seed: 0 };
  return [0, 1].flatMap((seed) =>
    RATES.map((learningRate): PlannedRun => {
      const { config } = sampleRun({ learningRate, seed });
      return {
        config: { ...config, search },
        directoryName: `r-lr${learningRate}-s${seed}-${config.id}`,
      } as unknown as PlannedRun;
    }),
  );
}

interface World {
  readonly out: string;
  /** `0.01 s0 until 3`, of each training. */
  readonly log: string[];
  /** Trainings after which the command is ended: what was under way is lost. */
  readonly endAfter?: number;
  /** Runs that fail, or that another process works on. */
  readonly instead?: (
    run: PlannedRun,
  ) => { readonly status: BroughtRun['status']; readonly message?: string } | undefined;
}

async function train(run: PlannedRun, until: number | undefined, { out, log, instead }: World): Promise<BroughtRun> {
  const { learningRate, seed, search } = run.config;
  log.push(`${learningRate} s${seed} until ${until ?? 'end'}`);
  await sleep((1000 * learningRate * 7919) % 13); // in another order each rung
  const directory = runDirectory(out, run);
  const other = instead?.(run);
  if (other) return { run, directory, ...other } as BroughtRun;
  const failure = learningRate === 1 ? 'no finite loss' : undefined;
  const whole = sampleRun({ learningRate, seed, validation: curve(learningRate, EPOCHS), ...(failure && { failure }) });
  const epochs = whole.epochs.slice(0, until).map((epoch) => ({
    ...epoch,
    validationAccuracy: curve(learningRate, epoch.epoch),
    validationLoss: 6 * (1 - curve(learningRate, epoch.epoch)),
  }));
  const result = failure || until === undefined ? whole.result : undefined;
  const steps = whole.steps.filter(({ epoch }) => epoch <= (until ?? EPOCHS));
  await writeRun(directory, { ...whole, config: { ...whole.config, search }, steps, epochs, result });
  if (failure) return { run, directory, status: 'failed', message: failure };
  return result?.status === 'done' ? { run, directory, status: 'done', result } : { run, directory, status: 'resting' };
}

/** A command: what each run came to. */
async function search(world: World): Promise<Record<string, string>> {
  const runs = plan();
  const came: Record<string, string> = {};
  let trainings = 0;
  const isAborted = () => trainings > (world.endAfter ?? Number.POSITIVE_INFINITY);
  await searchRates(runs, {
    out: world.out,
    async train(run, until) {
      trainings += 1;
      if (isAborted()) return { run, directory: '', status: 'interrupted' };
      return train(run, until, world);
    },
    settle({ config }, outcome) {
      const name = `${config.learningRate} s${config.seed}`;
      expect(came).not.toHaveProperty([name]);
      came[name] = 'message' in outcome ? `${outcome.status}: ${outcome.message}` : outcome.status;
    },
    onRest: () => {},
    isAborted,
  });
  expect(Object.keys(came)).toHaveLength(runs.length);
  return came;
}

const newWorld = (more: Partial<World> = {}): World => ({
  out: mkdtempSync(join(tmpdir(), 'mixerzoo-search-')),
  log: [],
  ...more,
});

const CHOSEN = 'unneeded: not needed: the search has chosen the learning rate 0.003';
const ENDED = {
  '1 s0': 'leftOut: left out at epoch 1: diverged where the best had 15.0 %',
  '0.001 s0': 'leftOut: left out at epoch 1: 0.50 % where the best had 15.0 %',
  '0.01 s0': 'leftOut: left out at epoch 3: 15.0 % where the best had 45.0 %',
  '0.03 s0': 'done',
  '0.003 s0': 'done',
  '0.003 s1': 'done',
  ...Object.fromEntries([1, 0.001, 0.01, 0.03].map((rate) => [`${rate} s1`, CHOSEN])),
};

/** Outcomes without whether a run was done by this command or before. */
const whenever = (came: Record<string, string>) =>
  Object.fromEntries(Object.entries(came).map(([run, outcome]) => [run, outcome === 'skipped' ? 'done' : outcome]));

describe('searchRates', () => {
  it('trains each rate as far as the rungs call for, and the one chosen with the other seeds', async () => {
    const world = newWorld();
    expect(await search(world)).toEqual(ENDED);
    expect(world.log.slice(0, 5)).toEqual(RATES.map((rate) => `${rate} s0 until 1`));
    expect(world.log.slice(5).sort()).toEqual(
      ['0.003 s0 until 3', '0.003 s0 until end', '0.003 s1 until end', '0.01 s0 until 3', '0.03 s0 until 3'].concat(
        '0.03 s0 until end',
      ),
    );
    const again = newWorld({ out: world.out });
    expect(whenever(await search(again))).toEqual(ENDED);
    expect(again.log).toEqual([]);
  });

  it('decides the same wherever it is ended, and trains nothing twice', async () => {
    for (let endAfter = 0; endAfter <= 11; endAfter++) {
      const world = newWorld({ endAfter });
      const came = await search(world);
      expect(world.log).toHaveLength(endAfter);
      if (endAfter < 11) expect(Object.values(came)).toContain('interrupted');
      const { endAfter: _, ...rest } = world;
      expect(whenever(await search(rest)), `ended after ${endAfter}`).toEqual(ENDED);
      expect(new Set(world.log).size).toBe(world.log.length);
      expect(world.log).toHaveLength(11);
    }
  });

  it.each([
    ['fails', { status: 'failed', message: 'no room' } as const, 'failed: no room'],
    ['is worked on elsewhere', { status: 'busy', message: 'held' } as const, 'busy: held'],
  ])('waits, at its rung, for a run that %s, and goes on with the next command', async (_, outcome, said) => {
    const world = newWorld({
      instead: ({ config }) => (config.learningRate === 0.01 && existsSync(world.out) ? outcome : undefined),
    });
    const came = await search(world);
    expect(came).toMatchObject({ '0.01 s0': said });
    const { '0.01 s0': _said, ...others } = came;
    expect(new Set(Object.values(others))).toEqual(new Set(['waiting: waits for other learning rates of the model']));
    expect(whenever(await search(newWorld({ out: world.out })))).toEqual(ENDED);
  });

  it('says so where records of a rung cannot be read, in place of training without end', async () => {
    const world = newWorld({
      instead: ({ config }) => (config.learningRate === 0.01 ? { status: 'resting' } : undefined),
    });
    expect(await search(world)).toMatchObject({
      '0.01 s0': 'failed: expected a record of epoch 1, got none that can be read. Look at its metrics.jsonl.',
    });
  });

  it('takes what was trained to the end without a search as it is', async () => {
    const world = newWorld();
    for (const run of plan()) if (run.config.learningRate === 0.001) await train(run, undefined, world);
    const came = await search(newWorld({ out: world.out }));
    expect(came).toEqual({ ...ENDED, '0.001 s0': 'skipped', '0.001 s1': 'skipped' });
  });
});

describe('a report of a search', () => {
  it('shows what was left out as that, the rate chosen, and what it all cost', async () => {
    const world = newWorld();
    await search(world);
    const [entry] = groupEntries(await loadRuns(world.out));
    expect(entry!.outcome).toMatchObject({ learningRate: 0.003, incomplete: [] });
    expect(entry!.outcome!.selected.map(({ config }) => config.seed)).toEqual([0, 1]);
    expect(entry!.open.map(({ config, status, message }) => [config.learningRate, status, message])).toEqual([
      [0.001, 'leftOut', 'left out at epoch 1: 0.50 % where the best had 15.0 %'],
      [0.01, 'leftOut', 'left out at epoch 3: 15.0 % where the best had 45.0 %'],
      [1, 'leftOut', 'left out at epoch 1: diverged where the best had 15.0 %'],
    ]);
    // Ten steps an epoch: one, three, and twice ten epochs; the made-up failure tells of three steps.
    expect(entry!.outcome!.searchCost!.steps).toBe(10 + 30 + 2 * 100 + 3);
    expect(entry!.outcome!.finalCost.steps).toBe(200);
    const table = markdownTable([entry!]);
    expect(table).toMatch(/\| Search, all rates \| Runs of its rate \|/);
    expect(table).toMatch(/\| CAT \| 3 \|.*\| 243 steps, .* \| 200 steps, /);
    expect(table).toContain('- CAT, learning rate 0.01, seed 0: left out at epoch 3: 15.0 % where the best had 45.0 %');
    const [head, row] = tableCsv([entry!])
      .split('\n')
      .map((line) => line.split(',')) as [string[], string[]];
    const cell = (name: string) => row[head.indexOf(name)];
    expect(['runs', 'runsDone', 'runsLeftOut', 'searchSteps', 'finalSteps'].map(cell)).toEqual([
      '6',
      '3',
      '3',
      '243',
      '200',
    ]);
    const page = await reportPage('search', '', [entry!]);
    expect(page).toContain('6 runs: 3 finished and 3 left out by the search');
    expect(page).toMatch(
      /<span class="status leftOut">left out<\/span> at epoch 3: 15\.0.% where the best had 45\.0.%/,
    );
  });

  it('calls for no other seeds before a rate is chosen', async () => {
    const world = newWorld({ endAfter: 5 });
    await search(world);
    const planned = plan().map(({ config }) => config);
    const [entry] = groupEntries(await loadRuns(world.out), planned);
    expect(entry!.runs.map(({ config }) => config.seed)).toEqual([0, 0, 0, 0, 0]);
    expect(entry!.open.map(({ status }) => status)).toEqual(['leftOut', 'partial', 'partial', 'partial', 'leftOut']);
    await search(newWorld({ out: world.out, endAfter: 5 }));
    const [chosen] = groupEntries(await loadRuns(world.out), planned);
    expect(
      chosen!.open.filter(({ status }) => status === 'missing').map(({ config }) => [config.learningRate, config.seed]),
    ).toEqual([[0.003, 1]]);
  });
});
