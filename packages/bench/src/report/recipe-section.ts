/** What each model is and how it is trained where its package says where that is from: settings, their values, their sources. */
import type { RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import type { Entry } from './entries.js';
import { formatOptions, listWords } from './format.js';
import { type Html, html } from './html.js';

interface Setting {
  readonly path: string;
  readonly value: string;
  readonly from: string;
}

/** Empty where no model has a source. */
export function recipeSection(entries: readonly Entry[]): Html {
  const runsOf = new Map<string, readonly RunRecord[]>();
  for (const { label, runs } of entries) {
    if (runs[0]?.config.source && !runsOf.has(label)) runsOf.set(label, runs);
  }
  const models = [...runsOf].map(([label, runs]) => ({ label, config: runs[0]!.config, settings: settingsOf(runs) }));
  const [first] = models;
  if (!first) return html``;
  const isShared = (setting: Setting) =>
    models.length > 1 && models.every(({ settings }) => settings.some((other) => isSame(other, setting)));
  const shared = first.settings.filter(isShared);
  const own = models.map(({ label, config, settings }) => {
    const rest = settings.filter((setting) => !isShared(setting));
    return html`<details><summary>${label}: ${layersOf(config)}</summary>${settingTable(rest)}</details>`;
  });
  return html`<section><h2>Recipes</h2>
<p class="note">Settings of the models' own packages, and where each is from. All others stand with the task and the budget, or below under the configuration of each model.</p>
${shared.length === 0 ? '' : html`<details open><summary>${models.length === entries.length ? 'Every model' : listWords(models.map(({ label }) => label))}</summary>${settingTable(shared)}</details>`}
${own}</section>`;
}

const isSame = (a: Setting, b: Setting) => a.path === b.path && a.value === b.value && a.from === b.from;

function settingsOf(runs: readonly RunRecord[]): Setting[] {
  const { config } = runs[0]!;
  return Object.entries(config.source ?? {}).map(([path, from]) => ({ path, from, value: settingValue(runs, path) }));
}

/** The value of a setting of a model; empty where it has none of that name. */
function settingValue(runs: readonly RunRecord[], path: string): string {
  const { config } = runs[0]!;
  if (path === 'learningRates') {
    const rates = config.search?.rates ?? [...new Set(runs.map(({ config: { learningRate } }) => learningRate))];
    return listWords(rates.map(String));
  }
  if (path === 'nLayers') return String(config.model.nLayers);
  const [section, ...keys] = path.split('.');
  if (section === 'layers') return keys.length === 0 ? layersOf(config) : layerOptions(config, keys);
  const options = { model: config.model, train: config.train }[section ?? ''];
  if (!options || keys.length === 0) return '';
  return inWords(at(options, keys)) || (section === 'model' ? blockOptions(config, keys) : '');
}

/** What a record says of the blocks of layers, as residual and channel mixer. */
function blockOptions({ layers }: RunConfig, keys: readonly string[]): string {
  return distinct(layers.map(({ block }) => inWords(at(block, keys))));
}

/** `2 × mamba`, `baseConv, then based`. */
function layersOf({ layers }: RunConfig): string {
  const names = layers.map(({ mixer }) => mixer);
  if (new Set(names).size === 1) return names.length === 1 ? names[0]! : `${names.length} × ${names[0]}`;
  return names.join(', then ');
}

/** An option in the layers whose mixers have it. */
function layerOptions({ layers }: RunConfig, keys: readonly string[]): string {
  return distinct(layers.map(({ config }) => inWords(at(config, keys))));
}

const distinct = (values: readonly string[]) => listWords([...new Set(values.filter((value) => value !== ''))]);

const at = (options: object, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], options);

function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === undefined ? '' : String(value);
  if ('config' in value || Array.isArray(value)) return formatOptions({ '': value }).trim();
  return formatOptions(value);
}

function settingTable(settings: readonly Setting[]): Html {
  const rows = settings.map(
    ({ path, value, from }) =>
      html`<tr><th scope="row">${path}</th><td>${value} <span class="muted">${value === '' ? '' : '· '}${from}</span></td></tr>`,
  );
  return html`<table class="plain"><tbody>${rows}</tbody></table>`;
}
