/** What each command does where a record of one run cannot be read, runs are linked, or a report is another's. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { TINY } from '../__fixtures__/tiny-experiment.js';
import { writeRun } from '../__fixtures__/write-run.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns, runDirectory } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { mendConfigs, readPlanned } from '../runs/check-runs.js';
import { CONFIG, RECORD_FILES, RESULT, writeRecord } from '../runs/records.js';
import type { RunConfig } from '../runs/run-config.js';

const TWO = TINY.replace(/models: .*/, 'models: { One: { layers: [attention] }, Two: { layers: [cat] } }');

let cwd: string;
let whole: string;
let [one, two]: string[] = [];
let planned: PlannedRun[];
let configs: RunConfig[];
const before = process.cwd();

beforeAll(async () => {
  whole = realpathSync(mkdtempSync(join(tmpdir(), 'mixerzoo-damaged-')));
  writeFileSync(join(whole, 'tiny.yaml'), TWO);
  const registry = await discoverPlugins(whole);
  planned = await resolveRuns(
    await loadExperiment({ file: join(whole, 'tiny.yaml'), assignments: [] }, registry),
    registry,
  );
  configs = planned.map(({ config }) => config);
  [one, two] = planned.map((run) => runDirectory('runs', run));
});
afterAll(() => {
  process.chdir(before);
  rmSync(whole, { recursive: true });
});

beforeEach(async () => {
  cwd = realpathSync(mkdtempSync(join(whole, 'case-')));
  writeFileSync(join(cwd, 'tiny.yaml'), TWO);
  process.chdir(cwd);
  for (const [index, config] of configs.entries()) {
    const { result, ...sample } = sampleRun({ seed: index });
    await writeRun([one, two][index]!, { ...sample, config, result: { ...result!, id: config.id } });
  }
});

const COMMANDS = {
  'dry-run': ['run', 'tiny.yaml', '--dry-run', '--json'],
  compare: ['compare', 'runs', 'runs', '--json'],
  export: ['export', 'tensorboard', 'runs', '--json'],
  report: ['report', 'runs', '--json'],
};

describe('a damaged record', () => {
  it.each(RECORD_FILES.flatMap((file) => Object.keys(COMMANDS).map((command) => [file, command] as const)))(
    '%s costs one run at most, and is named by %s',
    async (file, command) => {
      const path = join(one!, file);
      const text = readFileSync(path, 'utf8');
      const damages = [
        '',
        'null\n',
        '{}\n',
        '{"status":"done"}\n',
        text.slice(0, -9).concat('\n'),
        text.replace(/\d/, 'x'),
      ];
      // Charts are drawn for each report: two damages do.
      for (const damage of command === 'report' ? damages.slice(1, 3) : damages) {
        writeFileSync(path, damage);
        const { code, stdout, stderr } = await mixerzoo(...COMMANDS[command as keyof typeof COMMANDS]);
        expect(stderr).toContain(join(cwd, path));
        expect(stderr).not.toMatch(/^\s+at /m);
        expect(code).toBe(1);
        const answer = JSON.parse(stdout) as { runs?: { status: string }[]; comparisons?: unknown[]; files?: string[] };
        const lost = file === CONFIG.file;
        if (command === 'dry-run') {
          const status = file === RESULT.file ? 'to do' : 'done';
          expect(answer.runs!.map((run) => run.status)).toEqual([status, 'done']);
        } else if (command === 'export') expect(answer.files).toHaveLength(lost ? 1 : 2);
        else if (command === 'compare')
          expect(answer.comparisons!.length).toBe(3 * (lost || file === RESULT.file ? 1 : 2));
        else expect(answer.runs).toHaveLength(lost ? 1 : 2);
      }
    },
  );

  it('of a run without a config is named, and the rest of the directory passed by', async () => {
    rmSync(join(one!, CONFIG.file));
    mkdirSync('runs/of another program');
    writeFileSync('runs/of another program/config.json', '{"id": 1}');
    const { code, stdout, stderr } = await mixerzoo(...COMMANDS.export);
    expect([code, (JSON.parse(stdout) as { files: string[] }).files.length]).toEqual([1, 1]);
    expect(stderr).toMatch(/config\.json: expected the config of the run, got no such file\. .*writes it again/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('of a run of other code is named where the runs of now are still to be done', async () => {
    rmSync(join(one!, RESULT.file));
    const old = 'runs/tiny/one-lr0.01-s0-0123456789ab';
    mkdirSync(old);
    writeFileSync(join(old, CONFIG.file), '{"format":1,"id":"0123456789ab"}');
    const { code, stderr } = await mixerzoo(...COMMANDS['dry-run']);
    expect(code).toBe(0);
    expect(stderr).toContain(`${join(cwd, old, CONFIG.file)}: expected a run of format 2, got 1.`);
  });

  it('that cannot be written again costs its run alone', async () => {
    rmSync(join(one!, CONFIG.file));
    mkdirSync(join(one!, CONFIG.file)); // nothing is renamed onto a directory
    rmSync(join(two!, CONFIG.file));
    const faults: string[] = [];
    const found = await readPlanned(planned, 'runs', () => {});
    await mendConfigs(found, ({ message }) => faults.push(message));
    expect(faults).toEqual([expect.stringMatching(/config\.json: expected to write it again, got \w+\. Check/)]);
    expect(existsSync(join(two!, CONFIG.file))).toBe(true);
  });
});

describe('links', () => {
  it('to a run, its config or a report are followed, and a run is found once', async () => {
    mkdirSync('elsewhere');
    renameSync(one!, 'elsewhere/the-run');
    symlinkSync(join(cwd, 'elsewhere/the-run'), one!);
    renameSync(join(two!, CONFIG.file), 'elsewhere/two.json');
    symlinkSync(join(cwd, 'elsewhere/two.json'), join(two!, CONFIG.file));
    symlinkSync(cwd, 'runs/cycle');
    symlinkSync(join(cwd, two!), 'runs/again');
    const { code, stdout, stderr } = await mixerzoo(...COMMANDS.export);
    expect([code, stderr]).toEqual([0, '']);
    expect((JSON.parse(stdout) as { files: string[] }).files).toHaveLength(2);
    expect((await mixerzoo(...COMMANDS['dry-run'])).stdout).not.toContain('"to do"');

    expect((await mixerzoo('report', 'runs/tiny', '--out', 'elsewhere/report')).code).toBe(0);
    symlinkSync(join(cwd, 'elsewhere/report'), 'runs/linked');
    await mixerzoo(...COMMANDS.report);
    expect(readFileSync('runs/index.html', 'utf8')).toContain('href="linked/report.html"');
  });

  it('to nothing are named: runs may lie behind them', async () => {
    symlinkSync(join(cwd, 'unmounted'), 'runs/more');
    const { code, stderr } = await mixerzoo(...COMMANDS.export);
    expect(code).toBe(1);
    expect(stderr).toMatch(/runs\/more: expected to read it, got ENOENT\. Runs that it may hold are left out\./);
  });
});

describe('a report', () => {
  it('never takes the place of another experiment’s, and says so before anything is trained', async () => {
    await mixerzoo('report', 'runs', '--out', 'reports');
    const page = readFileSync('reports/report.html', 'utf8');
    mkdirSync('others');
    const other = sampleRun({ experiment: 'other' });
    await writeRun('others/run', other);
    const { code, stderr } = await mixerzoo('report', 'others', '--out', 'reports');
    expect(code).toBe(2);
    expect(stderr).toMatch(/reports\/report\.json: expected a place for the report of other, got one of tiny\. Give/);
    expect(readFileSync('reports/report.html', 'utf8')).toBe(page);
    expect((await mixerzoo('report', 'runs', '--out', 'reports')).code).toBe(0);

    writeFileSync(
      'runs/tiny/report.json',
      JSON.stringify({ ...JSON.parse(readFileSync('reports/report.json', 'utf8')), source: '../../tiny.yaml' }),
    );
    mkdirSync('b');
    writeFileSync('b/same-name.yaml', TWO.replace('layers: [cat]', 'layers: [linCat]'));
    const again = await mixerzoo('run', 'b/same-name.yaml');
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(
      /expected a place for the report of \.\.\/\.\.\/b\/same-name\.yaml, got one of \.\.\/\.\.\/tiny\.yaml/,
    );
    expect(readdirSync('runs/tiny').filter((name) => /-[0-9a-f]{12}$/.test(name))).toHaveLength(2);
  });

  it('is not written over another program’s report.json', async () => {
    mkdirSync('lighthouse');
    writeFileSync('lighthouse/report.json', '{"audits": {}}');
    const { code, stderr } = await mixerzoo('report', 'runs', '--out', 'lighthouse');
    expect(code).toBe(2);
    expect(stderr).toMatch(/got one of another program/);
    expect(readdirSync('lighthouse')).toEqual(['report.json']);
  });

  it('of a figure is refused before its runs are trained', async () => {
    mkdirSync('runs/fig6-quick');
    writeFileSync('runs/fig6-quick/report.json', '{"audits": {}}');
    const { code, stderr } = await mixerzoo('figure', 'fig6');
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected a place for the report of figure fig6 at quick scale, got one of another program/);
    expect(readdirSync('runs').sort()).toEqual(['fig6-quick', 'tiny']);
  });
});

describe('an export', () => {
  it('goes nowhere but below its directory', async () => {
    const outside = configs[0]!;
    const path = join(one!, CONFIG.file);
    await writeRecord({ ...CONFIG, schema: { safeParse: () => ({ success: true }) } as never }, one!, outside.id, {
      ...outside,
      experiment: '../../..',
    });
    const { code, stdout, stderr } = await mixerzoo('export', 'tensorboard', 'runs', '--out', 'a/b/c/d', '--json');
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}: expected a whole record, got one with experiment`);
    const { files } = JSON.parse(stdout) as { files: string[] };
    expect(files).toHaveLength(1);
    expect(files[0]).toContain(join(cwd, 'a/b/c/d', 'tiny', basename(two!)));
    expect(existsSync('a/tiny')).toBe(false);
  });
});
