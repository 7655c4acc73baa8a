/**
 * The command line of `mixerzoo`. Exit codes: 0 all went well, 1 a run or a check failed or a record stays damaged, 2 bad
 * input, 3 the time given was spent and runs are missing, 130 interrupted.
 *
 * What a command does is loaded when it is called: `--version` and `--help` need no engine, and answer at once.
 */
import { formatSuggestion, InvalidConfigError, isZooError } from '@mixerzoo/core/errors';
import { type CAC, type Command, cac } from 'cac';
import { createConsola } from 'consola';
import { ownVersion } from './own-version.js';
import { visible } from './terminal.js';

const consola = createConsola({ stdout: process.stderr, stderr: process.stderr });
const complain = (text: string) => consola.error(visible(text));

/**
 * Runs a command.
 * @param argv - as `process.argv`.
 * @param act - what is done with the command that was found and its flags; checks of documents only look.
 * @returns the exit code.
 */
export async function main(
  argv: readonly string[],
  act: (cli: CAC) => unknown = (cli) => cli.runMatchedCommand(),
): Promise<number> {
  const cli = createCommands();
  try {
    const words = joinNegatives(cli, argv);
    cli.parse(words.map(camelCaseFlag), { run: false });
    if (cli.options['help'] || cli.options['version']) return 0;
    const { matchedCommand: command } = cli;
    const [name] = cli.args;
    if (name === 'help') {
      (cli.commands.find((one) => one.name === cli.args[1]) ?? cli).outputHelp();
      return 0;
    }
    if (!command) {
      const names = cli.commands.map((one) => one.name);
      if (name === undefined) {
        cli.globalCommand.checkUnknownOptions();
        cli.outputHelp();
      } else complain(`mixerzoo: unknown command '${name}'.${formatSuggestion(name, names)}`);
      return 2;
    }
    const extra = command.args.some(({ variadic }) => variadic) ? [] : cli.args.slice(command.args.length);
    if (extra.length > 0) {
      complain(`mixerzoo ${command.name}: expected no more arguments, got '${extra.join(' ')}'.`);
      return 2;
    }
    command.checkUnknownOptions();
    takeValuesAsTyped(cli, command, words);
    return await (act(cli) as Promise<number>);
  } catch (error) {
    complain(describe(error, cli));
    return exitCode(error);
  }
}

/** Every command with its flags, as `cac` has them. */
export function createCommands(): CAC {
  const cli = cac('mixerzoo');
  cli.option('--source', 'Run from the sources, without a build (in the repository of mixerzoo)');
  cli.option('--json', 'Print the result as JSON, and nothing else, on standard output');
  cli
    .command(
      'run [preset or file]',
      'Train and test every model of an experiment (default: mixerzoo.config.* here, else quick)',
    )
    .option('--config <file>', 'A config file on top of the preset')
    .option(...SET)
    .option(...ENGINE)
    .option(...WORKERS)
    .option('--out <directory>', 'Where runs are kept (default: runs)')
    .option(...MAX_MINUTES)
    .option(...STALL_MINUTES)
    .option(...SHARD)
    .option('--dry-run', 'Print the runs, and stop; with --json the config of each')
    .example('  mixerzoo run quick')
    .example('  mixerzoo run my.config.ts --set train.batchSize=32 --workers 2')
    .example(`  mixerzoo run quick --set 'only=["CAT, 1 layer", "LinCAT, 1 layer"]'`)
    .example('The same command again resumes what is partial and skips what is done.')
    .action(lazily(() => import('./commands/run.js'), 'run'));
  cli
    .command(
      'list <what>',
      'List mixers, tasks, channel-mixers, norms, models, presets, figures, studies, tables or engines',
    )
    .example('  mixerzoo list mixers')
    .action(lazily(() => import('./commands/list.js'), 'list'));
  cli
    .command('figure <id>', 'Train what a figure needs, of the paper or a study, draw it, and judge its claims')
    .option('--scale <scale>', "quick (minutes), small (an hour) or paper (the paper's sizes; default: quick)")
    .option(...SET)
    .option(...ENGINE)
    .option(...WORKERS)
    .option('--out <directory>', 'Where runs and figures are kept (default: runs)')
    .option(...MAX_MINUTES)
    .option(...STALL_MINUTES)
    .option(...SHARD)
    .option('--dry-run', 'Print the runs, and stop')
    .example('  mixerzoo figure fig6 --scale quick')
    .action(lazily(() => import('./commands/figure.js'), 'figure'));
  cli
    .command('study <id>', 'Train what a question of the zoo needs, draw the answer, and judge what is claimed of it')
    .option('--scale <scale>', 'quick (20 minutes at most), small (an hour) or paper (default: quick)')
    .option(...SET)
    .option(...ENGINE)
    .option(...WORKERS)
    .option('--out <directory>', 'Where runs and studies are kept (default: runs)')
    .option(...MAX_MINUTES)
    .option(...STALL_MINUTES)
    .option('--dry-run', 'Print the runs, and stop')
    .example('  mixerzoo study state-tracking --scale quick')
    .action(lazily(() => import('./commands/figure.js'), 'study'));
  cli
    .command('table <id>', 'Train the models of a table of the paper, and put what they measure beside it')
    .option('--scale <scale>', "quick (minutes), small (a night) or paper (the paper's sizes; default: quick)")
    .option(...SET)
    .option(...ENGINE)
    .option(...WORKERS)
    .option(
      '--data <directory>',
      "Published files of the harness's tasks (Wikitext, LAMBADA, PIQA, …), for their columns",
    )
    .option('--out <directory>', 'Where runs and tables are kept (default: runs)')
    .option(...MAX_MINUTES)
    .option(...STALL_MINUTES)
    .option(...SHARD)
    .option('--dry-run', 'Print the runs, and stop')
    .example('  mixerzoo table table2 --scale quick')
    .action(lazily(() => import('./commands/figure.js'), 'table'));
  cli
    .command('theory', "Run the paper's claims as experiments, and hold each quantity to its bound")
    .option('--claim <id>', 'Run this claim (repeatable; default: all)')
    .option('--seed <number>', 'What all that is random derives from (default: 0)')
    .option('--set <claim.size=value>', 'Another size (repeatable): theorem-1.seqLen=128; the value is YAML')
    .option('--out <directory>', 'Where the page is kept, in theory/ (default: runs)')
    .example('  mixerzoo theory --claim theorem-4')
    .action(lazily(() => import('./commands/theory.js'), 'theory'));
  cli
    .command('report [directory]', 'Write the report of the runs in a directory (default: runs) and print its table')
    .option('--out <directory>', 'Where the report goes (default: beside the runs)')
    .option('--serve', 'Show it while runs go on, as a page that is refreshed as results come; writes nothing')
    .option('--port <number>', 'Of the page (default: 7411, or the next that is free; 0: any that is free)')
    .option('--host <address>', 'Where it can be reached: 0.0.0.0 for other machines (default: 127.0.0.1, this one)')
    .example('  mixerzoo report runs/quick')
    .example('  mixerzoo report runs --serve')
    .action(lazily(() => import('./commands/report.js'), 'report'));
  cli
    .command(
      'status [directory]',
      'What of the runs in a directory (default: runs) is done, running, failed and to come',
    )
    .example('  mixerzoo status runs/quick')
    .action(lazily(() => import('./commands/status.js'), 'status'));
  cli
    .command('merge <...sources>', 'Bring the runs of several directories together, with one report')
    .option('--into <directory>', 'Where they go (default: runs)')
    .example('  mixerzoo merge node-1/runs node-2/runs --into runs')
    .action(lazily(() => import('./commands/merge.js'), 'merge'));
  cli
    .command(
      'submit [target]',
      'Write a job of a cluster whose tasks divide the runs of a preset, a config file or a figure',
    )
    .option('--slurm', 'An array job of Slurm')
    .option('--kubernetes', 'An Indexed Job of Kubernetes')
    .option('--submit', 'Hand it to sbatch')
    .option('--config <file>', 'A config file on top of the preset')
    .option(...SET)
    .option(...ENGINE)
    .option('--scale <scale>', 'Of a figure (default: quick)')
    .option('--out <directory>', 'Where runs are kept, which all tasks can write (default: runs)')
    .option('--tasks <count>', 'Tasks of the array (default: 4)')
    .option('--workers <count>', 'Runs at a time in each task (default: 1)')
    .option('--time <limit>', "A task's time; runs are saved before it ends, and go on")
    .option('--gpus <count>', 'GPUs of a task')
    .option('--cpus-per-task <count>', 'Cores of a task')
    .option('--mem <size>', 'Memory of a task')
    .option('--partition <name>', 'Slurm: the partition')
    .option('--sbatch <option>', 'Slurm: any further option (repeatable): --sbatch=--account=lab')
    .option('--image <name>', 'Kubernetes: an image with the project in it')
    .option('--workdir <directory>', 'Kubernetes: where the project is in the image (default: /app)')
    .option('--claim <name>', 'Kubernetes: a claim on a volume that all pods can write')
    .option('--dry-run', 'Print the job, and write nothing')
    .example('  mixerzoo submit sweep.config.ts --slurm --tasks 8 --time 04:00:00 --gpus 1 --submit')
    .action(lazily(() => import('./commands/submit.js'), 'submit'));
  cli
    .command('compare <a> <b>', 'Differences in accuracy between two directories of runs, and whether they are chance')
    .example('  mixerzoo compare runs/before runs/after')
    .action(lazily(() => import('./commands/compare.js'), 'compare'));
  cli
    .command(
      'export <format> [directory]',
      "tensorboard: the runs of a directory (default: runs) as event files; hf: a run's model as Hugging Face's libraries load it",
    )
    .option('--out <directory>', 'Where the files go (default: tensorboard or hf in the directory)')
    .option('--layout <name>', 'hf: gpt_neox, llama, mamba, … (default: the first that has a place for the model)')
    .option('--dtype <name>', 'hf: F32, F16 or BF16 (default: F32)')
    .option(...RUN_CONFIG)
    .example('  mixerzoo export tensorboard runs')
    .example('  mixerzoo export hf runs/text/pythia-lr0.001-s0-… --dtype F16')
    .action(lazily(() => import('./commands/export.js'), 'exportRuns'));
  cli
    .command('eval <model>', "Evaluate a run, or weights of Hugging Face's layout, as the field's harness does")
    .option('--tasks <names>', 'wikitext, lambada_openai, …, and perplexity (by length); by commas, or repeated')
    .option('--data <place>', 'Directory of their published files; or one of a task, repeatable: piqa=<file>')
    .option('--limit <count>', 'The first so many documents of each task')
    .option('--max-length <tokens>', 'Tokens the model is given at a time (default: those it was trained at)')
    .option('--batch-size <count>', 'Sequences at a time (default: as many as 8,192 tokens hold)')
    .option('--lengths <lengths>', 'perplexity: lengths of windows, by commas (default: the trained one)')
    .option('--extend <how>', 'perplexity: none, interpolation, temperature, interpolation+temperature (default: none)')
    .option('--split <name>', 'perplexity: validation or test (default: test)')
    .option('--tokens <count>', 'perplexity: tokens to score at each length (default: the split)')
    .option('--out <directory>', "Where answers and results are kept (default: eval in the model's directory)")
    .option('--add-bos', 'Every context begins with the token that begins texts, else the one that ends them')
    .option(...RUN_CONFIG)
    .option(...ENGINE)
    .example('  mixerzoo eval runs/text/cat-lr0.001-s0-… --tasks piqa,wikitext --data published')
    .example('The same command again goes on where it was cut off.')
    .action(lazily(() => import('./commands/eval.js'), 'evaluateModel'));
  cli
    .command('generate <model>', "Go on from a prompt with a run of the task text, or weights of Hugging Face's layout")
    .option('--prompt <text>', 'Where to begin (default: nothing)')
    .option('--max-tokens <count>', 'Tokens at most (default: 200)')
    .option('--temperature <number>', 'What logits are divided by; 0 takes the most likely token (default: 1)')
    .option('--top-k <count>', 'Choose among so many of the most likely tokens (default: all)')
    .option('--top-p <share>', 'Choose among the most likely tokens that have this share together (default: 1)')
    .option('--seed <number>', 'What all that is random derives from (default: 0)')
    .option(...RUN_CONFIG)
    .option(...ENGINE)
    .example('  mixerzoo generate runs/text/cat-lr0.001-s0-… --prompt "The king" --top-p 0.9')
    .action(lazily(() => import('./commands/generate.js'), 'generate'));
  cli
    .command(
      'validate [preset or file]',
      'Check a config (default: every preset): it resolves, its oracle solves the task, every model trains a step',
    )
    .option('--config <file>', 'A config file on top of the preset')
    .option(...SET)
    .option(...ENGINE)
    .example('  mixerzoo validate my.config.ts')
    .action(lazily(() => import('./commands/validate.js'), 'validate'));
  cli
    .command('engines <action> [engine]', 'list engines, install tensorflow, or verify that one trains')
    .option('--gpu', 'install: for NVIDIA cards, with CUDA')
    .option('--force', 'install: build anew what is there')
    .option('--all', 'verify: a short training of every mixer; --json has the losses')
    .example('  mixerzoo engines install tensorflow --gpu')
    .action(lazily(() => import('./commands/engines.js'), 'engines'));
  cli
    .command('new-mixer <name>', 'Write a package with a mixer of your own, which passes its tests')
    .option('--to <directory>', 'Where (default: a directory of the name)')
    .example('  mixerzoo new-mixer gated-mean')
    .action(lazily(() => import('./commands/new-mixer.js'), 'newMixer'));
  cli
    .command(
      'data <action> [...paths]',
      'prepare: text files to token shards to train on; info: what such a directory holds',
    )
    .option('--out <directory>', 'prepare: the directory to make')
    .option(
      '--tokenizer <choice>',
      'prepare: bytes, bpe:<vocabulary> trained on the text, or a tokenizer.json (default: bytes)',
    )
    .option('--corpus <name>', 'prepare: in place of files, text that npm installs: factbook')
    .option('--validation <share or file>', 'prepare: the share of the documents, or files (repeatable; default: 0.05)')
    .option('--test <share or file>', 'prepare: the same for test')
    .option(
      '--format <format>',
      'prepare: text, jsonl or parquet (default: by name; also .gz and .zst of the first two)',
    )
    .option('--field <name>', 'prepare: the key or column that holds the text (default: text)')
    .option('--separator <what>', 'prepare: blank-line divides text files into documents (default: a file is one)')
    .option('--shard-tokens <count>', 'prepare: tokens of a file (default: 100 million)')
    .option('--end-of-text <token>', 'prepare: the token of a tokenizer.json that ends a text')
    .option('--verify', 'info: read every file, and hold it to its hash')
    .example('  mixerzoo data prepare book.txt --tokenizer bpe:4096 --out data/book')
    .example('The same command again goes on where it was killed.')
    .action(lazily(() => import('./commands/data.js'), 'data'));
  cli
    .command('doctor', 'Say what this machine has: engines, why not, and how to get them')
    .action(lazily(() => import('./commands/doctor.js'), 'doctor'));
  cli.help();
  cli.version(ownVersion());
  return cli;
}

/** What a module does under a name, loaded when it is called. */
const lazily =
  <Name extends string, Args extends readonly unknown[]>(
    load: () => Promise<{ readonly [K in Name]: (...args: Args) => unknown }>,
    name: Name,
  ) =>
  async (...args: Args) =>
    (await load())[name](...args);

const SET = [
  '--set <path=value>',
  'Override a key (repeatable): train.batchSize=32, "models.My v2.layers.0.nHeads=2"; the value is YAML',
] as const;
const RUN_CONFIG = [
  '--config <file>',
  "The config that a run came from, where parts are of the config's own files",
] as const;
const ENGINE = [
  '--engine <name>',
  'auto, wasm, webgpu, tensorflow or cpu (default: MIXERZOO_ENGINE, else auto)',
] as const;
const WORKERS = ['--workers <count>', 'Runs at a time (default: the number of cores)'] as const;
const MAX_MINUTES = [
  '--max-minutes <minutes>',
  'Stop then, and report what is missing; the same command goes on',
] as const;

const STALL_MINUTES = [
  '--stall-minutes <minutes>',
  'End a run that shows no progress for so long as failed (default: only say so, after 10)',
] as const;

const SHARD = [
  '--shard <i/n>',
  'Take the i-th of n parts of the runs alone, from 0; auto: as the cluster says. For machines without a shared directory',
] as const;

/** `--seed=-1` of `--seed -1`, which cac would take for an option `-1`: what is wrong with the number can be said. */
function joinNegatives(cli: CAC, argv: readonly string[]): string[] {
  const taking = new Set(
    cli.commands
      .flatMap(({ options }) => options.filter(({ required }) => required))
      .map(({ name }) => `--${kebabCase(name)}`),
  );
  const words: string[] = [];
  for (const [index, word] of argv.entries()) {
    const flag = argv[index - 1];
    if (/^-\.?\d/.test(word) && flag !== undefined && taking.has(kebabCase(flag)))
      words[words.length - 1] += `=${word}`;
    else words.push(word);
  }
  return words;
}

/** `--dryRun` of `--dry-run`: cac takes what follows a flag of two words for its value unless it is written so. */
function camelCaseFlag(argument: string): string {
  return /^--[a-z]+(-[a-z]+)+$/.test(argument) && !argument.startsWith('--no-')
    ? `--${argument.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())}`
    : argument;
}

const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Puts the values of options as they were typed, in order, in place of what cac makes of them: a number of what looks like
 * one (the directory `2024.10`), true of a value that is not there.
 * @throws InvalidConfigError for an option without its value.
 */
function takeValuesAsTyped(cli: CAC, command: Command, argv: readonly string[]): void {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  for (const { name, rawName, required } of command.options) {
    if (!required || cli.options[name] === undefined) continue;
    cli.options[name] = words.flatMap((word, index) => {
      const [flag, ...rest] = word.split('=') as [string, ...string[]];
      if (kebabCase(flag) !== `--${kebabCase(name)}`) return [];
      const value = rest.length > 0 ? rest.join('=') : words[index + 1];
      const isNothing = value === undefined || (value === '' && !rawName.endsWith('<text>')); // a text may be empty
      if (isNothing || (rest.length === 0 && value.startsWith('-'))) {
        throw new InvalidConfigError(`mixerzoo ${command.name}: expected ${rawName}, got no value.`);
      }
      return [value];
    });
  }
}

function describe(error: unknown, { matchedCommand: command, globalCommand }: CAC): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'CACError') {
    const unknown = /^Unknown option `(--?.+)`$/.exec(error.message)?.[1];
    if (unknown !== undefined) {
      const known = [...(command?.options ?? []), ...globalCommand.options]
        .flatMap(({ names }) => names)
        .filter((name) => name.length > 1)
        .map((name) => `--${kebabCase(name)}`);
      const typed = kebabCase(unknown);
      return `${command ? `mixerzoo ${command.name}` : 'mixerzoo'}: unknown option '${typed}'.${formatSuggestion(typed, known)}`;
    }
    return command
      ? `mixerzoo: expected 'mixerzoo ${command.rawName}', got too few arguments. ${command.description}.`
      : error.message;
  }
  // Of a zoo's error and of the system's the message is for users; of a fault of ours the stack is for us.
  return isZooError(error) || 'syscall' in error ? error.message : (error.stack ?? error.message);
}

function exitCode(error: unknown): number {
  const badInput =
    (error instanceof Error && error.name === 'CACError') ||
    ['invalid-config', 'unknown-name', 'engine'].some((code) => isZooError(error, code as 'engine'));
  return badInput ? 2 : 1;
}
