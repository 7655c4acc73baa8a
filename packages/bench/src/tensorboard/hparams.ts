/**
 * What TensorBoard's tab HPARAMS reads: a run's hyperparameters, how it ended, and which hyperparameters and metrics
 * the runs of a directory have.
 *
 * Source: tensorboard/plugins/hparams/{plugin_data,api}.proto, summary_v2.py and metadata.py (tags and version);
 * google/protobuf/struct.proto (values).
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { RunConfig } from '../runs/run-config.js';

type Value = number | string | boolean;

/** By name; nested options have names such as `train.batchSize`. */
export type HyperParameters = ReadonlyMap<string, Value>;

export const SESSION_START_TAG = '_hparams_/session_start_info';
export const SESSION_END_TAG = '_hparams_/session_end_info';
export const EXPERIMENT_TAG = '_hparams_/experiment';

/** What may differ between runs: all of a config that is one value; of the layers, their mixers. */
export function hyperParameters(config: RunConfig): HyperParameters {
  const { experiment, label, task, model, layers, train, learningRate, seed, engine } = config;
  const found = new Map<string, Value>();
  const add = (prefix: string, options: Readonly<Record<string, unknown>>) => {
    for (const [key, value] of Object.entries(options)) {
      const single = (value as { readonly name?: unknown } | null)?.name ?? value; // a norm by its name
      if (typeof single === 'number' || typeof single === 'string' || typeof single === 'boolean')
        found.set(`${prefix}${key}`, single);
    }
  };
  const mixers = [...new Set(layers.map(({ mixer }) => mixer))].join(', ');
  add('', { experiment, label, mixers, learningRate, seed, engine, task: task.name });
  add('task.', task.config);
  add('model.', model);
  add('train.', { ...train });
  return found;
}

/** Content of {@link SESSION_START_TAG}. @param startTime seconds since 1970. */
export function encodeSessionStart(parameters: HyperParameters, startTime: number): Uint8Array {
  const writer = pluginData(3); // HParamsPluginData.session_start_info
  for (const [name, value] of parameters) {
    writer.tag(1, WireType.LengthDelimited).fork(); // SessionStartInfo.hparams, an entry of a map
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).fork();
    writeValue(writer, value);
    writer.join().join();
  }
  writer.tag(5, WireType.Bit64).double(startTime); // SessionStartInfo.start_time_secs
  return writer.join().finish();
}

const STATUS = { done: 1, failed: 2 } as const;

/** Content of {@link SESSION_END_TAG}. @param endTime seconds since 1970. */
export function encodeSessionEnd(status: keyof typeof STATUS, endTime: number): Uint8Array {
  const writer = pluginData(4); // HParamsPluginData.session_end_info
  writer.tag(1, WireType.Varint).int32(STATUS[status]); // SessionEndInfo.status
  writer.tag(2, WireType.Bit64).double(endTime); // SessionEndInfo.end_time_secs
  return writer.join().finish();
}

/**
 * Content of {@link EXPERIMENT_TAG}.
 * @param metrics tags of scalars, of which the last value counts, and how they are called.
 */
export function encodeExperiment(
  runs: readonly HyperParameters[],
  metrics: readonly { readonly tag: string; readonly name: string }[],
): Uint8Array {
  const writer = pluginData(2); // HParamsPluginData.experiment
  for (const name of new Set(runs.flatMap((parameters) => [...parameters.keys()]))) {
    writer.tag(4, WireType.LengthDelimited).fork(); // Experiment.hparam_infos
    writeInfo(
      writer,
      name,
      runs.flatMap((parameters) => parameters.get(name) ?? []),
    );
    writer.join();
  }
  for (const { tag, name } of metrics) {
    writer.tag(5, WireType.LengthDelimited).fork(); // Experiment.metric_infos
    writer.tag(1, WireType.LengthDelimited).fork(); // MetricInfo.name
    writer.tag(2, WireType.LengthDelimited).string(tag); // MetricName.tag
    writer.join();
    writer.tag(3, WireType.LengthDelimited).string(name).join(); // MetricInfo.display_name
  }
  return writer.join().finish();
}

/** Type and domain of a hyperparameter; the tab cannot sort by one without a domain. */
function writeInfo(writer: BinaryWriter, name: string, values: readonly Value[]): void {
  const all = (type: string) => values.every((value) => typeof value === type);
  const type = all('number') ? 3 : all('boolean') ? 2 : 1; // DataType: FLOAT64, BOOL, STRING
  const distinct = [...new Set<Value>(type === 1 ? values.map(String) : values)].sort();
  writer.tag(1, WireType.LengthDelimited).string(name); // HParamInfo.name
  writer.tag(4, WireType.Varint).int32(type); // HParamInfo.type
  if (type === 3) {
    const numbers = values as readonly number[];
    writer.tag(6, WireType.LengthDelimited).fork(); // HParamInfo.domain_interval
    writer.tag(1, WireType.Bit64).double(Math.min(...numbers)); // Interval.min_value
    writer
      .tag(2, WireType.Bit64)
      .double(Math.max(...numbers))
      .join(); // Interval.max_value
  } else {
    writer.tag(5, WireType.LengthDelimited).fork(); // HParamInfo.domain_discrete
    for (const value of distinct) {
      writer.tag(1, WireType.LengthDelimited).fork(); // ListValue.values
      writeValue(writer, value);
      writer.join();
    }
    writer.join();
  }
  writer.tag(7, WireType.Varint).bool(distinct.length > 1); // HParamInfo.differs
}

/** A google.protobuf.Value. */
function writeValue(writer: BinaryWriter, value: Value): void {
  if (typeof value === 'number') writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value);
  else writer.tag(4, WireType.Varint).bool(value);
}

/** An HParamsPluginData of version 0, open at a field. */
function pluginData(field: number): BinaryWriter {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(0); // HParamsPluginData.version
  return writer.tag(field, WireType.LengthDelimited).fork();
}
