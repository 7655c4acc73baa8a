/** What the command line answers without training, in this process. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mixerzoo } from './__fixtures__/in-process.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import { loadRuns } from './runs/read-results.js';
import { CONFIG, RESULT, writeRecord } from './runs/records.js';

const RUNS = fileURLToPath(new URL('./__fixtures__/runs', import.meta.url));

let cwd: string;
const before = process.cwd();

beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'mixerzoo-command-')));
  writeFileSync(join(cwd, 'tiny.yaml'), TINY);
  writeFileSync(join(cwd, 'a-file'), '');
  process.chdir(cwd);
});

afterEach(() => process.chdir(before));

describe('mixerzoo with bad input', () => {
  it.each([
    ['an unknown command', ['rum'], /unknown command 'rum'.*Did you mean 'run'/s],
    ['an unknown option', ['run', '--wrokers', '2'], /unknown option '--wrokers'.*Did you mean '--workers'/s],
    ['an unknown option alone', ['--jsno'], /mixerzoo: unknown option '--jsno'.*Did you mean '--json'/s],
    ['a misspelt key', ['run', 'tiny.yaml', '--set', 'train.epoch=1'], /unknown key 'epoch'.*Did you mean 'epochs'/s],
    [
      'an unknown mixer',
      ['run', 'tiny.yaml', '--set', 'models.One.layers=[atention]'],
      /models\.One\.layers\.0: unknown mixer 'atention'.*Did you mean 'attention'/s,
    ],
    [
      'an option the mixer lacks',
      ['run', 'tiny.yaml', '--set', 'models.One.layers=[{ mixer: attention, nHeds: 2 }]'],
      /unknown key 'nHeds'.*Did you mean 'nHeads'/s,
    ],
    [
      'a width the heads do not divide',
      ['run', 'tiny.yaml', '--set', 'models.One.layers=[{ mixer: attention, nHeads: 3 }]'],
      /models\.One\.layers\.0: attention: nHeads: expected a divisor of dModel 16, got 3/s,
    ],
    ['a length too short for the pairs', ['run', 'tiny.yaml', '--set', 'task.numKvPairs=8'], /task: mqar: .*16/s],
    ['an unknown engine', ['run', 'tiny.yaml', '--engine', 'wasn'], /unknown engine 'wasn'.*Did you mean 'wasm'/s],
    [
      'an output directory that cannot be written',
      ['run', 'tiny.yaml', '--out', 'a-file/runs'],
      /--out: expected a directory that can be written.*a-file/s,
    ],
    ['no workers', ['run', 'tiny.yaml', '--workers', '0'], /--workers: expected a whole number from 1, got 0/s],
    ['workers that are no number', ['run', 'tiny.yaml', '--workers', 'two'], /--workers: .* got two/s],
    ['minutes that are no number', ['run', 'tiny.yaml', '--max-minutes', 'ten'], /--max-minutes: .* got ten/s],
    ['minutes of silence that are none', ['run', 'tiny.yaml', '--stall-minutes', '0'], /--stall-minutes: .* got 0/s],
    ['an option without its value', ['run', 'tiny.yaml', '--out'], /run: expected --out <directory>, got no value/s],
    ['an option for a value', ['run', 'tiny.yaml', '--out', '--json'], /expected --out <directory>, got no value/s],
    ['an option with an empty value', ['run', 'tiny.yaml', '--out', ''], /expected --out <directory>, got no value/s],
    ['a negative number', ['run', 'tiny.yaml', '--max-minutes', '-1'], /--max-minutes: .* got -1/s],
    [
      'a negative number that is no value',
      ['run', 'tiny.yaml', '--dry-run', '-1'],
      /mixerzoo run: unknown option '-1'/s,
    ],
    ['a short option that is none', ['run', '-w', '2'], /mixerzoo run: unknown option '-w'/s],
    ['a command without its argument', ['list'], /expected 'mixerzoo list <what>'.*List mixers, tasks/s],
    ['an argument too many', ['doctor', 'engines'], /doctor: expected no more arguments, got 'engines'/s],
    ['a list of nothing known', ['list', 'mixer'], /unknown list 'mixer'.*Did you mean 'mixers'/s],
    ['a report of nothing', ['report', 'nowhere'], /nowhere: expected a directory of runs.*mixerzoo run/s],
    ['a comparison with nothing', ['compare', 'nowhere', '.'], /nowhere: expected a directory of runs/s],
    ['an export of nothing', ['export', 'tensorboard', '.'], /export: expected runs below .*, got none/s],
    ['a value that is no YAML', ['run', 'tiny.yaml', '--set', 'description=[a'], /--set description: expected YAML/],
    ['an engine that is YAML', ['run', 'tiny.yaml', '--engine', '[a'], /unknown engine '\[a'/],
    [
      'layers without end',
      ['run', 'tiny.yaml', '--dry-run', '--set', 'models.One.nLayers=4294967296'],
      /nLayers: too big/,
    ],
    [
      'test examples without end',
      ['run', 'tiny.yaml', '--set', 'train.testExamples=1e8'],
      /testExamples 100000000 .*got 3,200,000,000/,
    ],
    ['control characters in a word', ['\u001b[31mrun'], /unknown command '\\u001b\[31mrun'/],
    ['a computed figure that is to train', ['figure', 'fig4', '--set', 'seeds=[1]'], /figure fig4: expected no --set/],
    ['a figure without its runs', ['figure', 'fig1-left', '--set', 'name=mine'], /figure fig1-left: .* got none/s],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await mixerzoo(...args);
    expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
    expect(stderr).not.toMatch(/ at .*\.ts:\d/); // no stack
    expect([code, stdout]).toEqual([2, '']);
    expect(existsSync(join(cwd, 'runs', 'tiny'))).toBe(false);
  });
});

describe('MIXERZOO_ENGINE', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is taken where neither file nor flag names an engine', async () => {
    vi.stubEnv('MIXERZOO_ENGINE', 'cpu');
    const engineOf = async (...args: string[]) =>
      JSON.parse((await mixerzoo('run', ...args)).stdout).runs[0].config.engine;
    expect(await engineOf('quick', '--dry-run', '--json')).toBe('cpu');
    expect(await engineOf('tiny.yaml', '--dry-run', '--json')).toBe('wasm');
    expect(await engineOf('quick', '--dry-run', '--json', '--engine', 'webgpu')).toBe('webgpu');
  });

  it('that names no engine is bad input, and said by doctor', async () => {
    vi.stubEnv('MIXERZOO_ENGINE', 'nonsense');
    for (const args of [
      ['run', 'quick', '--dry-run'],
      ['validate', 'quick'],
      ['engines', 'verify'],
      ['figure', 'fig6', '--dry-run'],
    ]) {
      const { code, stderr } = await mixerzoo(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining("MIXERZOO_ENGINE: unknown engine 'nonsense'")]);
    }
  });
});

describe('what the commands write', () => {
  const evil = '\u001b[31mEvil\u202e\u009b2J\nrow';

  /** A copy of the fixture's runs under hostile names. */
  async function hostileRuns(): Promise<string> {
    cpSync(RUNS, join(cwd, 'hostile'), { recursive: true });
    for (const { directory, config, result } of await loadRuns(join(cwd, 'hostile'))) {
      const label = `${config.label}${evil}`;
      await writeRecord(CONFIG, directory, config.id, { ...config, label, description: evil });
      if (result?.status === 'failed') await writeRecord(RESULT, directory, config.id, { ...result, message: evil });
    }
    return 'hostile';
  }

  it('holds no sign that a terminal obeys, whatever records say', async () => {
    const runs = await hostileRuns();
    for (const args of [
      ['report', runs],
      ['compare', runs, runs],
      ['report', runs, '--json'],
      ['compare', runs, runs, '--json'],
    ]) {
      const { code, stdout, stderr } = await mixerzoo(...args);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/\\u001b\[31mEvil\\u202e\\u009b2J/);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
      if (args.includes('--json'))
        expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(evil).slice(1, -1));
    }
  });

  it('holds none of a config, and JSON that says the same', async () => {
    const said = [`description=${JSON.stringify(evil)}`, 'models={ "Evil\\u202eRow": { layers: [attention] } }'];
    const plan = (...flags: string[]) =>
      mixerzoo('run', 'tiny.yaml', '--dry-run', ...said.flatMap((one) => ['--set', one]), ...flags);
    const [table, json] = [await plan(), await plan('--json')];
    for (const { stdout } of [table, json]) expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
    expect(table.stdout).toContain('Evil\\u202eRow');
    expect(JSON.parse(json.stdout).runs[0].config.description).toContain(evil);
  });

  it('holds none of a plugin', async () => {
    const at = join(cwd, 'node_modules', 'evil-plugin');
    mkdirSync(at, { recursive: true });
    writeFileSync(
      join(at, 'package.json'),
      JSON.stringify({
        name: 'evil-plugin',
        type: 'module',
        keywords: ['mixerzoo-plugin'],
        exports: { import: './index.js' },
      }),
    );
    writeFileSync(join(at, 'index.js'), `throw new Error(${JSON.stringify(evil)});`);
    const listed = await mixerzoo('list', 'mixers');
    expect([listed.code, listed.stderr]).toEqual([0, expect.stringMatching(/^Plugin left out: evil-plugin: /)]);
    const { stderr } = await mixerzoo('run', 'tiny.yaml', '--set', 'models.One.layers=[evil-plugin]');
    expect(stderr).toContain('\\u001b[31mEvil\\u202e');
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
  });

  it('does not go to a directory that differs from another in case alone', async () => {
    mkdirSync(join(cwd, 'runs', 'TINY'), { recursive: true });
    const { code, stderr } = await mixerzoo('run', 'tiny.yaml');
    expect([code, stderr]).toEqual([2, expect.stringContaining("name: expected one that differs from 'TINY'")]);
    expect(readdirSync(join(cwd, 'runs'))).toEqual(['TINY']);
  });
});

describe('mixerzoo', () => {
  it('prints the resolved config at --dry-run, and keeps flags above the file', async () => {
    const { code, stdout } = await mixerzoo(
      'run',
      'tiny.yaml',
      '--dry-run',
      '--json',
      '--engine',
      'cpu',
      '--set',
      'seeds=[0,1]',
    );
    expect(code).toBe(0);
    const { runs, open } = JSON.parse(stdout);
    expect(open).toMatchObject({
      runs: 2,
      flops: 2 * runs[0].size.flops,
      'at 50 GFLOP/s': expect.stringMatching(/ s$/),
    });
    expect(runs[0].size.parameters).toBeGreaterThan(32 * 16);
    expect(
      runs.map((run: { config: { seed: number; engine: string } }) => [run.config.seed, run.config.engine]),
    ).toEqual([
      [0, 'cpu'],
      [1, 'cpu'],
    ]);
    expect(runs[0]).toMatchObject({
      status: 'to do',
      config: {
        label: 'One',
        layers: [{ mixer: 'attention', config: { dModel: 16, nHeads: 1 } }],
        testLengths: [16, 32],
      },
    });
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
  });

  it('has a row for each of few runs at --dry-run, and what they come to', async () => {
    const { code, stdout } = await mixerzoo('run', 'tiny.yaml', '--dry-run', '--set', 'seeds=[0,1,2]');
    expect(code).toBe(0);
    for (const seed of [0, 1, 2]) expect(stdout).toMatch(new RegExp(`One, seed ${seed} +│ to do +│ +1,[0-9]{3} │`));
    expect(stdout).toMatch(
      /3 runs: 3 to do\.\nTo do: [\d.]+M FLOPs of training, at most about \d+ MB of memory a run\.\n/,
    );
    expect(stdout).toMatch(
      /That is less than a second at 50 GFLOP\/s \(two CPU cores\), less .*a guess from the FLOPs, since nothing was timed/,
    );
    expect(stdout).toContain(`They go to ${join(cwd, 'runs', 'tiny')}. --json prints the config of every run.`);
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
  });

  it('has a row for each model of many runs at --dry-run', async () => {
    const axes = ['sweep.dims=[8,16]', 'learningRates=[0.01,0.001]', 'seeds=[0,1,2]'];
    const models =
      'models={ One: { layers: [attention] }, Two: { layers: [attention], nLayers: 2, learningRates: [1] } }';
    const { stdout } = await mixerzoo(
      'run',
      'tiny.yaml',
      '--dry-run',
      ...[...axes, models].flatMap((one) => ['--set', one]),
    );
    expect(stdout.trim().split('\n')).toHaveLength(10);
    expect(stdout).toMatch(/│ One +│ 12 = 2 settings x 2 rates x 3 seeds │ 12 to do │ +[\d,]+ to [\d,]+ │/);
    expect(stdout).toMatch(/│ Two +│ 6 = 2 settings x 3 seeds +│ 6 to do +│/);
    expect(stdout).toContain('18 runs: 18 to do.');
  });

  it('takes values as they were typed, and no argument for the value of a flag', async () => {
    const { code, stdout } = await mixerzoo('run', '--dry-run', 'tiny.yaml', '--json', '--out', '2024.10');
    expect(code).toBe(0);
    const [run] = JSON.parse(stdout).runs;
    expect(run.config.label).toBe('One');
    expect(run.directory.startsWith(join(cwd, '2024.10', 'tiny'))).toBe(true);
  });

  it.each([
    ['of all commands', ['help'], /Usage:.*Commands:.*figure <id>/s],
    ['of one, asked either way', ['help', 'run'], /run \[preset or file\].*--max-minutes <minutes>/s],
    ['of one, asked either way', ['run', '--help'], /run \[preset or file\].*--max-minutes <minutes>/s],
  ])('helps with the use %s', async (_what, args, text) => {
    const said = vi.spyOn(console, 'info').mockReturnValue();
    const { code, stderr } = await mixerzoo(...args);
    expect(said.mock.calls.join('\n')).toMatch(text);
    expect([code, stderr]).toEqual([0, '']);
    said.mockRestore();
  });

  it('reports elsewhere without a word beside the runs', async () => {
    cpSync(RUNS, join(cwd, 'done'), { recursive: true });
    await mixerzoo('report', 'done/quick'); // an index of `done` would have something to lead to
    const { code, stdout } = await mixerzoo('report', 'done', '--out', 'mine');
    expect(code).toBe(0);
    expect(stdout).toContain(`Report: ${join(cwd, 'mine', 'report.html')}`);
    expect(readdirSync(join(cwd, 'done'))).toEqual(['quick']);
  });

  it('lists what there is', async () => {
    const mixers = JSON.parse((await mixerzoo('list', 'mixers', '--json')).stdout);
    expect(mixers).toContainEqual(
      expect.objectContaining({
        name: 'attention',
        package: '@mixerzoo/attention',
        options: expect.objectContaining({ type: 'object' }),
      }),
    );
    expect((await mixerzoo('list', 'presets')).stdout).toMatch(/^quick .*Budget of every model: \d+ steps/m);
    expect((await mixerzoo('list', 'tasks')).stdout).toMatch(/^mqar .*@mixerzoo\/tasks/m);
  });

  it('validates the oracle at every length and a step of every model', async () => {
    const { code, stdout } = await mixerzoo('validate', 'tiny.yaml', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).checks.map(({ check, ok }: { check: string; ok: boolean }) => [check, ok])).toEqual([
      ['oracle of mqar at length 16', true],
      ['oracle of mqar at length 32', true],
      ['one step of One', true],
    ]);
  });

  it('validates every cell of a sweep', async () => {
    const sweep = ['--set', 'sweep={ dims: [8, 16], lengths: [16, { seqLen: 24, numKvPairs: 3 }] }'];
    const { code, stdout } = await mixerzoo('validate', 'tiny.yaml', '--json', '--set', 'testLengths=[32]', ...sweep);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).checks.map(({ check }: { check: string }) => check)).toEqual([
      'oracle of mqar at length 16 (trained at 16)',
      'oracle of mqar at length 32 (trained at 16)',
      'oracle of mqar at length 24 (trained at 24)',
      'oracle of mqar at length 32 (trained at 24)',
      'one step of One, d 8, L 16',
      'one step of One, d 16, L 16',
      'one step of One, d 8, L 24',
      'one step of One, d 16, L 24',
    ]);
  });

  it('says what this machine has, last, since it takes the engines apart', async () => {
    const { code, stdout } = await mixerzoo('doctor', '--json');
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.askedEngine).toMatchObject({ name: process.env['MIXERZOO_ENGINE'], known: true });
    expect(found.engines).toContainEqual(expect.objectContaining({ name: 'wasm', available: true }));
    expect(found.plugins).toContainEqual(
      expect.objectContaining({ name: '@mixerzoo/tasks', tasks: expect.arrayContaining(['mqar']) }),
    );
    vi.stubEnv('MIXERZOO_ENGINE', 'nonsense');
    const odd = await mixerzoo('doctor');
    vi.unstubAllEnvs();
    expect([odd.code, odd.stdout]).toEqual([
      1,
      expect.stringContaining("✖ nonsense: MIXERZOO_ENGINE: unknown engine 'nonsense'"),
    ]);
  });
});
