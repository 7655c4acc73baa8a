#!/usr/bin/env node
/** `npm create mixerzoo`: asks for what its arguments leave open, where there is a terminal to ask on. */
import { readFileSync } from 'node:fs';
import { cancel, intro, isCancel, select, text } from '@clack/prompts';
import { cac } from 'cac';
import { printNext, projectFault, refuse, writeProject } from '../src/index.mjs';

const COMMAND = 'create-mixerzoo';
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const cli = cac(COMMAND);
cli
  .command('[name]', 'A package with a mixer or a task of your own, which passes its tests')
  .usage(
    '[name] [options]\n\n  Through npm, options stand behind two dashes: npm create mixerzoo gated-mean -- --kernel',
  )
  .option('--kernel', 'A mixer with an op of its own, and a kernel of the op in WebAssembly')
  .option('--task', 'A task in place of a mixer')
  .option('--to <directory>', 'Where (default: a directory of the name)')
  .example('  npm create mixerzoo gated-mean')
  .action(create);
cli.help();
cli.version(version);

try {
  cli.parse(process.argv, { run: false });
  await cli.runMatchedCommand();
} catch (error) {
  // What cac says of options and arguments that there are not.
  console.error(`${COMMAND}: ${error.message}. See \`${COMMAND} --help\`.`);
  process.exit(2);
}

async function create(name, { kernel = false, task = false, to }) {
  if (kernel && task) refuse(COMMAND, '--kernel or --task, got both. Kernels are of mixers.');
  const asked = name === undefined && process.stdin.isTTY && process.stdout.isTTY;
  const target = to === undefined ? undefined : String(to);
  const project = asked ? await ask({ kernel, task, target }) : { kind: kindOf({ kernel, task }), name, target };
  const fault = projectFault(project);
  if (fault !== undefined) refuse(COMMAND, fault);
  const next = writeProject(project);
  printNext(project.target ?? project.name, next);
}

function kindOf({ kernel, task }) {
  if (task) return 'task';
  return kernel ? 'kernel' : 'mixer';
}

/** The name, and the kind unless a flag says it. */
async function ask({ kernel, task, target }) {
  intro(COMMAND);
  const kind =
    kernel || task
      ? kindOf({ kernel, task })
      : answered(
          await select({
            message: 'What will it be?',
            options: [
              { value: 'mixer', label: 'a mixer', hint: 'equations in plain TensorFlow.js: all it takes' },
              { value: 'kernel', label: 'a mixer with a kernel', hint: 'an op of its own, in WebAssembly with SIMD' },
              { value: 'task', label: 'a task', hint: 'examples made on demand, and an oracle that solves them' },
            ],
          }),
        );
  const example = kind === 'task' ? 'last-token' : 'gated-mean';
  const validate = (name) => {
    const fault = projectFault({ kind, name: name ?? '', target });
    return fault && `expected ${fault}`;
  };
  return { kind, name: answered(await text({ message: 'Its name?', placeholder: example, validate })), target };
}

/** Ends the process where a question was not answered. */
function answered(answer) {
  if (!isCancel(answer)) return answer;
  cancel('Nothing is written.');
  process.exit(1);
}
