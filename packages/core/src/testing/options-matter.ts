/** Whether each option of a mixer does something: an option that is read and forgotten passes every other test. */
import * as z from 'zod';
import { isZooError } from '../errors.js';
import { factoryOf } from '../made-by.js';
import { EVALUATION, type Mixer, type MixerFactory } from '../mixer.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, formatShape, mapTree, type Tree } from '../tree.js';
import { testTensor } from './compare.js';

const BATCH = 2;
const SEQ_LEN = 17;
/** Besides what is near the value in use. */
const NUMBERS = [1, 2, 3, 4, 0.5, 0.1, 10];

/** A node of a JSON schema. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/**
 * Throws for options of which no other value changes parameters, outputs, state or losses of the mixer, if one is accepted.
 *
 * @param idle - options that change none of them, and why.
 * @param others - other values, for options whose schema does not tell any.
 */
export async function expectOptionsMatter(
  mixer: Mixer,
  idle: Readonly<Record<string, string>>,
  others: Readonly<Record<string, unknown>>,
): Promise<void> {
  const factory = factoryOf(mixer) as MixerFactory | undefined;
  if (!factory) throw new Error(`${mixer.name}: expected a mixer made by defineMixer, got another.`);
  const { properties = {} } = z.toJSONSchema(factory.schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  const unknown = [...Object.keys(idle), ...Object.keys(others)].filter((name) => !(name in properties));
  if (unknown.length > 0) {
    throw new Error(
      `${mixer.name}: expected options of its schema, got ${unknown.join(', ')} in those of describeMixer.`,
    );
  }
  const facts = await factsOf(mixer);
  const faults: string[] = [];
  for (const [name, schema] of Object.entries(properties)) {
    if (name === 'dModel' || name in idle) continue;
    const values = name in others ? [others[name]] : alternatives(schema, mixer.config[name]);
    if (values.length === 0) {
      faults.push(`'${name}' (no other value known: give one, { otherValues: { ${name}: … } })`);
    } else if (!(await matters(factory, mixer, name, values, facts))) {
      faults.push(`'${name}' (tried ${values.map((value) => JSON.stringify(value)).join(', ')})`);
    }
  }
  if (faults.length === 0) return;
  throw new Error(
    `${mixer.name}: expected every option to change parameters, outputs or state, got no change from ${faults.join('; ')}. ` +
      "Use it, refuse it where it is idle (refuseIdle), or say why it changes none: { idleOptions: { name: 'why' } }.",
  );
}

/** Whether a value that the mixer accepts changes a fact; true if it accepts none, for then it ignores none in silence. */
async function matters(
  factory: MixerFactory,
  { config }: Mixer,
  name: string,
  values: readonly unknown[],
  facts: readonly unknown[],
): Promise<boolean> {
  let accepted = false;
  for (const value of values) {
    let changed: Mixer;
    try {
      changed = factory({ ...config, [name]: value });
    } catch (error) {
      if (isZooError(error)) continue;
      throw error;
    }
    accepted = true;
    const others = await factsOf(changed);
    if (JSON.stringify(others) !== JSON.stringify(facts)) return true;
  }
  return !accepted;
}

/** What a mixer does, as values to compare: fresh parameters, outputs in training and out of it, state, losses. */
async function factsOf(mixer: Mixer): Promise<readonly unknown[]> {
  const fresh = mixer.init(7);
  const facts: unknown[] = await numbersOf(fresh);
  const x = testTensor<tf.Rank.R3>([BATCH, SEQ_LEN, mixer.config['dModel'] as number], 3);
  const params = perturbed(fresh);
  for (const context of [EVALUATION, { training: true, seed: 5 }, { training: false, seed: 0, soft: true }]) {
    const losses: tf.Scalar[] = [];
    const y = tf.tidy(() => mixer.apply(params, x, { ...context, addLoss: (loss) => losses.push(tf.keep(loss)) }));
    for (const tensor of [y, ...losses]) facts.push(Array.from(await tensor.data()));
    tf.dispose([y, ...losses]);
  }
  const { y, state } = mixer.prefill(params, x);
  for (const [path, { shape }] of flattenTree(state)) facts.push(`${path} ${formatShape(shape)}`);
  tf.dispose([x, y]);
  for (const tree of [state, params]) disposeTree(tree);
  return facts;
}

async function numbersOf(tree: Tree): Promise<unknown[]> {
  const leaves = flattenTree(tree).map(async ([path, leaf]) => [path, leaf.shape, Array.from(await leaf.data())]);
  return Promise.all(leaves);
}

/** Parameters moved off their initial values, so that no bias is zero and no filter an exact delta. */
export function perturbed(params: Tree): Tree {
  let seed = 100;
  const moved = mapTree(params, (leaf) =>
    tf.tidy(() => tf.add(leaf, testTensor(leaf.shape as [number], seed++, leaf.rank > 1 ? 0.2 : 0.1))),
  );
  disposeTree(params);
  return moved;
}

/** Values that the schema may accept, none of them the one in use. */
function alternatives(schema: Schema, current: unknown): unknown[] {
  const found = (): unknown[] => {
    if (schema.anyOf) return schema.anyOf.flatMap((branch) => alternatives(branch, current));
    if (schema.enum) return [...schema.enum];
    if (schema.const !== undefined) return [schema.const];
    if (schema.type === 'boolean') return [true, false];
    if (schema.type === 'integer' || schema.type === 'number') {
      const near = typeof current === 'number' ? [2 * current, current / 2, current + 1, current - 1] : [];
      return [...near, ...NUMBERS];
    }
    return schema.type === 'object' ? objects(schema, current) : [];
  };
  const distinct = new Map(found().map((value) => [JSON.stringify(value), value]));
  distinct.delete(JSON.stringify(current));
  return [...distinct.values()];
}

/** The object in use with another value of one key; without one, an object of each key's first values, then the second. */
function objects({ properties = {}, required = [] }: Schema, current: unknown): unknown[] {
  const entries = Object.entries(properties);
  if (typeof current === 'object' && current !== null) {
    const own = current as Readonly<Record<string, unknown>>;
    return entries.flatMap(([key, schema]) =>
      alternatives(schema, own[key]).map((value) => ({ ...own, [key]: value })),
    );
  }
  const wanted = entries.filter(([key]) => required.length === 0 || required.includes(key));
  const values = wanted.map(([key, schema]) => [key, alternatives(schema, undefined)] as const);
  const count = Math.max(...values.map(([, list]) => list.length));
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(values.map(([key, list]) => [key, list[index % list.length]])),
  );
}
