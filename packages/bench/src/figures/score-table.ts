/**
 * Tables of scores: a row for each model, a column for each row of the figure (a task), the mean accuracy over its settings in it, and
 * the mean of the columns. Where settings were trained with several weight decays, each has the best by validation, as with learning rates.
 */
import { mean } from 'simple-statistics';
import type { Entry } from '../report/entries.js';
import { formatCount, formatPercent, NO_VALUE } from '../report/format.js';
import type { PlainTable } from '../report/plain-table.js';
import type { TrainedFigure } from './figure.js';
import { belongsTo } from './points.js';

/** A table of scores, of the figure's own runs: no paper's numbers beside it. */
export interface ScoreTable {
  readonly title: string;
  /** Heads the last column: `MAD score`. */
  readonly score: string;
}

/** A setting of a task, and what the best run of a model by validation answers right there. */
export interface SettingScore {
  readonly task: string;
  readonly setting: string;
  /** Of the test; null while there is no run. */
  readonly accuracy: number | null;
  readonly learningRate: number | null;
  readonly weightDecay: number | null;
}

/** A row. */
export interface ScoreRow {
  readonly label: string;
  /** Of the largest setting. */
  readonly parameters: number | null;
  readonly settings: readonly SettingScore[];
  /** By task, as the figure orders them; null until all settings are measured. */
  readonly tasks: Readonly<Record<string, number | null>>;
  /** Mean of the tasks. */
  readonly score: number | null;
}

/** The rows of the models that the scale trains, as the figure orders them. */
export function scoreRows(figure: TrainedFigure, scale: string, entries: readonly Entry[]): ScoreRow[] {
  const labels = [...new Set(figure.rows.flatMap(({ models }) => models))];
  return labels.flatMap((label): ScoreRow[] => {
    const ofTasks = figure.rows.map((row) => ({
      title: row.title,
      entries: entries.filter((entry) => {
        const { config } = entry.runs[0]!;
        return config.label === label && belongsTo(row, config, scale);
      }),
    }));
    if (ofTasks.every((task) => task.entries.length === 0)) return [];
    const settings = ofTasks.flatMap(({ title, entries }) => settingScores(title, entries));
    const tasks = Object.fromEntries(
      ofTasks.map(({ title }) => [title, meanOf(settings.filter(({ task }) => task === title).map(accuracyOf))]),
    );
    const parameters = ofTasks.flatMap((task) => task.entries.flatMap(({ outcome }) => outcome?.parameters ?? []));
    return [
      {
        label,
        parameters: parameters.length > 0 ? Math.max(...parameters) : null,
        settings,
        tasks,
        score: meanOf(Object.values(tasks)),
      },
    ];
  });
}

const accuracyOf = ({ accuracy }: SettingScore) => accuracy;

/** Null where a value is missing, or there is none. */
const meanOf = (values: readonly (number | null)[]) =>
  values.length > 0 && values.every((value) => value !== null) ? mean(values as number[]) : null;

/** The settings of a task, each once, whatever the weight decay. */
function settingScores(task: string, entries: readonly Entry[]): SettingScore[] {
  const settings = new Map<string, Entry[]>();
  for (const entry of entries) {
    const { config } = entry.runs[0]!;
    const { weightDecay: _, ...train } = config.train;
    const key = JSON.stringify([config.task.config, train]);
    settings.set(key, [...(settings.get(key) ?? []), entry]);
  }
  const scores = [...settings.values()].map((tried): SettingScore => {
    const [best] = tried
      .flatMap(({ outcome }) => outcome ?? [])
      .sort((a, b) => b.bestRun.result.validation.accuracy - a.bestRun.result.validation.accuracy);
    // With a decay untried another might be best.
    const done = tried.every(({ outcome }) => outcome !== undefined) ? best : undefined;
    return {
      task,
      setting: withoutDecay(tried[0]!.setting),
      accuracy: done?.best ?? null,
      learningRate: done?.bestRun.config.learningRate ?? null,
      weightDecay: done?.bestRun.config.train.weightDecay ?? null,
    };
  });
  return scores.sort((a, b) => a.setting.localeCompare(b.setting, 'en', { numeric: true }));
}

const withoutDecay = (setting: string) => setting.replace(/, decay [\d.e-]+/, '');

/** The table of the scores, and that of all settings. */
export function scoreTables(rows: readonly ScoreRow[], { title, score }: ScoreTable): [PlainTable, PlainTable] {
  const tasks = Object.keys(rows[0]?.tasks ?? {});
  const text = (value: number | null | undefined) => ({ text: value == null ? NO_VALUE : formatPercent(value) });
  const settings = rows[0]?.settings.map(({ task, setting }) => `${task}: ${setting}`) ?? [];
  const open = rows.flatMap((row) => row.settings).filter(({ accuracy }) => accuracy === null).length;
  return [
    {
      title: `${title}: scores`,
      columns: ['Parameters', ...tasks, score],
      rows: rows.map(({ label, parameters, tasks: scores, score: total }) => ({
        head: label,
        cells: [
          { text: formatCount(parameters ?? Number.NaN) },
          ...tasks.map((task) => text(scores[task])),
          text(total),
        ],
      })),
      notes: [
        'Test accuracy over all answers, mean over settings; of each the best run by validation.',
        ...(open > 0
          ? [`${open} of ${rows.length * settings.length} settings are not measured; a score waits for all of its.`]
          : []),
      ],
    },
    {
      title: `${title}: every setting`,
      columns: settings,
      rows: rows.map((row) => ({ head: row.label, cells: row.settings.map(({ accuracy }) => text(accuracy)) })),
      notes: [],
    },
  ];
}
