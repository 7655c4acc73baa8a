/**
 * The command line of `mixerzoo`. Exit codes: 0 all went well, 1 a run or a check failed, 2 bad input, 3 the time given was
 * spent and runs are missing, 130 interrupted.
 */
import { formatSuggestion, isZooError } from '@mixerzoo/core';
import { cac } from 'cac';
import { createConsola } from 'consola';
import { compare } from './commands/compare.js';
import { doctor } from './commands/doctor.js';
import { engines } from './commands/engines.js';
import { exportRuns } from './commands/export.js';
import { figure } from './commands/figure.js';
import { list } from './commands/list.js';
import { report } from './commands/report.js';
import { run } from './commands/run.js';
import { validate } from './commands/validate.js';
import { packageVersion } from './environment.js';

const messages = createConsola({ stdout: process.stderr, stderr: process.stderr });

/**
 * Runs a command.
 * @param argv - as `process.argv`.
 * @returns the exit code.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const cli = cac('mixerzoo');
  cli.option('--json', 'Print the result as JSON, and nothing else, on standard output');
  const text = { type: [String] };
  const set = ['--set <path=value>', 'Override a key: --set train.epochs=4 (repeatable)', text] as const;
  cli
    .command('run [preset or file]', 'Train and test every model of an experiment; resumes and skips what is there')
    .option('--config <file>', 'A config file on top of the preset', text)
    .option(...set)
    .option('--engine <name>', 'auto, wasm, webgpu, tensorflow or cpu', text)
    .option('--workers <count>', 'Runs at a time (default: the number of cores)', { type: [Number] })
    .option('--out <directory>', 'Where runs are kept (default: runs)', text)
    .option('--max-minutes <minutes>', 'Stop then, and report what is missing; the same command goes on', {
      type: [Number],
    })
    .option('--dry-run', 'Print the resolved config and the runs, and stop')
    .example('  mixerzoo run quick')
    .example('  mixerzoo run my.config.ts --set train.epochs=4 --workers 2')
    .action(run);
  cli.command('list <what>', 'List mixers, tasks, presets, figures or engines').action(list);
  cli
    .command('figure <id>', "Train what a figure of the paper needs, draw it, and judge the paper's claims")
    .option('--scale <scale>', "quick (minutes), small (an hour) or paper (the paper's sizes; default: quick)", text)
    .option(...set)
    .option('--engine <name>', 'auto, wasm, webgpu, tensorflow or cpu', text)
    .option('--workers <count>', 'Runs at a time (default: the number of cores)', { type: [Number] })
    .option('--out <directory>', 'Where runs and figures are kept (default: runs)', text)
    .option('--max-minutes <minutes>', 'Stop then, and report what is missing; the same command goes on', {
      type: [Number],
    })
    .option('--dry-run', 'Print the runs, and stop')
    .example('  mixerzoo figure fig6 --scale quick')
    .action(figure);
  cli
    .command('report [directory]', 'Write the report of the runs in a directory (default: runs) and print its table')
    .option('--out <directory>', 'Where the report goes (default: beside the runs)', text)
    .action(report);
  cli
    .command('compare <a> <b>', 'Differences in accuracy between two directories of runs, and whether they are chance')
    .action(compare);
  cli
    .command('export <format> [directory]', 'Write the runs of a directory (default: runs) as TensorBoard event files')
    .option('--out <directory>', 'Where the files go (default: tensorboard in the directory)', text)
    .example('  mixerzoo export tensorboard runs')
    .action(exportRuns);
  cli
    .command('validate [preset or file]', 'Check a config, or every preset: it resolves, every model trains a step')
    .option('--config <file>', 'A config file on top of the preset', text)
    .option(...set)
    .option('--engine <name>', 'The engine to check on', text)
    .action(validate);
  cli
    .command('engines <action> [engine]', 'list engines, install tensorflow, or verify that one trains')
    .option('--gpu', 'install: for NVIDIA cards, with CUDA')
    .option('--force', 'install: build anew what is there')
    .option('--all', 'verify: a short training of every mixer; --json has the losses')
    .example('  mixerzoo engines install tensorflow --gpu')
    .action(engines);
  cli.command('doctor', 'Say what this machine has: engines, why not, and how to get them').action(doctor);
  cli.help();
  cli.version(packageVersion('@mixerzoo/bench') ?? 'unknown');

  try {
    cli.parse([...argv], { run: false });
    if (cli.options['help'] || cli.options['version']) return 0;
    if (!cli.matchedCommand) {
      const names = cli.commands.map((command) => command.name);
      const [name] = cli.args;
      if (name === undefined) cli.outputHelp();
      else messages.error(`mixerzoo: unknown command '${name}'.${formatSuggestion(name, names)}`);
      return 2;
    }
    const extra = cli.args.slice(cli.matchedCommand.args.length);
    if (extra.length > 0) {
      messages.error(`mixerzoo ${cli.matchedCommand.name}: expected no more arguments, got '${extra.join(' ')}'.`);
      return 2;
    }
    return await (cli.runMatchedCommand() as Promise<number>);
  } catch (error) {
    messages.error(
      describe(
        error,
        [...(cli.matchedCommand?.options ?? []), ...cli.globalCommand.options].flatMap((option) => option.names),
      ),
    );
    return exitCode(error);
  }
}

function describe(error: unknown, options: readonly string[]): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'CACError') {
    const unknown = /^Unknown option `--?(.+)`$/.exec(error.message)?.[1];
    const known = options
      .filter((name) => name.length > 1)
      .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    return unknown
      ? `mixerzoo: unknown option '--${unknown}'.${formatSuggestion(`--${unknown}`, known)}`
      : error.message;
  }
  return isZooError(error) ? error.message : (error.stack ?? error.message);
}

function exitCode(error: unknown): number {
  const badInput =
    (error instanceof Error && error.name === 'CACError') ||
    ['invalid-config', 'unknown-name', 'engine'].some((code) => isZooError(error, code as 'engine'));
  return badInput ? 2 : 1;
}
