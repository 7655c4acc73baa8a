/** `@mixerzoo/lm-eval`: evaluations of language models as EleutherAI's harness defines them. */
export { type BatchLog, openBatchLog } from './batch-log.js';
export { type Documents, loadDocuments } from './data/load-documents.js';
export { type EvalTokenizer, encodePair, prefixToken, type TokenPair } from './encode.js';
export { type EvaluateOptions, evaluateTasks } from './evaluate.js';
export {
  type EvalProgress,
  type EvaluateTaskOptions,
  evaluateTask,
  type Sample,
  type TaskResult,
} from './evaluate-task.js';
export { METRICS, type MetricResult } from './metrics.js';
export { createModelScorer, type ScorePieces } from './model-scorer.js';
export { measurePerplexity, type Perplexity, type PositionLoss } from './perplexity.js';
export { createPythonRandom, type PythonRandom } from './python-random.js';
export { formatTable, type TaskSummary, toHarnessJson } from './report.js';
export { disjointContext, type RollingWindow, rollingWindows } from './rolling.js';
export type { DataSource, EvalTask, Item, Likelihood, MetricName, Row, TextRequest } from './task.js';
export { evalTask, evalTasks } from './tasks/index.js';
export { createTextStream, type TextStream } from './text-stream.js';
