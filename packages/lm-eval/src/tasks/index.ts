/** The tasks, in the order of the paper's table. */
import { UnknownNameError } from '@mixerzoo/core/errors';
import type { EvalTask } from '../task.js';
import { arcChallenge, arcEasy } from './arc.js';
import { hellaswag } from './hellaswag.js';
import { lambadaOpenai, lambadaStandard } from './lambada.js';
import { piqa } from './piqa.js';
import { wikitext } from './wikitext.js';
import { winogrande } from './winogrande.js';

export const evalTasks: readonly EvalTask[] = [
  wikitext,
  lambadaStandard,
  lambadaOpenai,
  piqa,
  hellaswag,
  winogrande,
  arcEasy,
  arcChallenge,
];

/** @throws UnknownNameError */
export function evalTask(name: string): EvalTask {
  const task = evalTasks.find((one) => one.name === name);
  if (task) return task;
  throw new UnknownNameError(
    'evaluation',
    name,
    evalTasks.map((one) => one.name),
  );
}
