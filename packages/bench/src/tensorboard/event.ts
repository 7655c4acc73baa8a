/**
 * TensorBoard's events in protocol-buffer form: the few fields that scalars, texts and hyperparameters need.
 *
 * Source: tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor,tensor_shape,types}.proto.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A number, a text or data of the plugin for hyperparameters (see `hparams.ts`) at a step. */
export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** `train/loss`. */
  readonly tag: string;
  readonly value: number | string | Uint8Array;
}

/** The event that begins a file. */
export function encodeFileVersion(wallTime: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(wallTime); // Event.wall_time
  writer.tag(3, WireType.LengthDelimited).string('brain.Event:2'); // Event.file_version
  return writer.finish();
}

export function encodeEvent({ wallTime, step, tag, value }: Event): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(wallTime); // Event.wall_time
  writer.tag(2, WireType.Varint).int64(step); // Event.step
  writer.tag(5, WireType.LengthDelimited).fork(); // Event.summary
  writer.tag(1, WireType.LengthDelimited).fork(); // Summary.value
  writer.tag(1, WireType.LengthDelimited).string(tag); // Value.tag
  if (typeof value === 'number')
    writer.tag(2, WireType.Bit32).float(Math.fround(value)); // Value.simple_value; beyond its range infinite
  else if (typeof value === 'string') writeText(writer, value);
  else writePluginData(writer, value);
  return writer.join().join().finish();
}

const [DT_FLOAT, DT_STRING] = [1, 7];

function writeText(writer: BinaryWriter, text: string): void {
  writeMetadata(writer, 'text');
  writer.tag(8, WireType.LengthDelimited).fork(); // Value.tensor
  writer.tag(1, WireType.Varint).int32(DT_STRING); // TensorProto.dtype
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorProto.tensor_shape
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorShapeProto.dim
  writer.tag(1, WireType.Varint).int64(1); // Dim.size
  writer.join().join();
  writer.tag(8, WireType.LengthDelimited).string(text); // TensorProto.string_val
  writer.join();
}

function writePluginData(writer: BinaryWriter, content: Uint8Array): void {
  writeMetadata(writer, 'hparams', content);
  writer.tag(8, WireType.LengthDelimited).fork(); // Value.tensor, without a value
  writer.tag(1, WireType.Varint).int32(DT_FLOAT); // TensorProto.dtype
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorProto.tensor_shape
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorShapeProto.dim
  writer.join().join().join();
}

function writeMetadata(writer: BinaryWriter, plugin: string, content?: Uint8Array): void {
  writer.tag(9, WireType.LengthDelimited).fork(); // Value.metadata
  writer.tag(1, WireType.LengthDelimited).fork(); // SummaryMetadata.plugin_data
  writer.tag(1, WireType.LengthDelimited).string(plugin); // PluginData.plugin_name
  if (content) writer.tag(2, WireType.LengthDelimited).bytes(content); // PluginData.content
  writer.join().join();
}

/** An event with a value, or undefined for one of another kind (the file's version). */
export function decodeEvent(bytes: Uint8Array): Event | undefined {
  let [wallTime, step, tag] = [0, 0, ''];
  let value: Event['value'] | undefined;
  const message = (reader: BinaryReader, fields: Record<number, (reader: BinaryReader) => void>) => {
    const end = reader.uint32() + reader.pos;
    walk(reader, end, fields);
  };
  const walk = (reader: BinaryReader, end: number, fields: Record<number, (reader: BinaryReader) => void>) => {
    while (reader.pos < end) {
      const [field, wireType] = reader.tag();
      const read = fields[field];
      if (read) read(reader);
      else reader.skip(wireType, field);
    }
  };
  const reader = new BinaryReader(bytes);
  walk(reader, reader.len, {
    1: (r) => {
      wallTime = r.double();
    },
    2: (r) => {
      step = Number(r.int64());
    },
    5: (summary) =>
      message(summary, {
        1: (one) =>
          message(one, {
            1: (r) => {
              tag = r.string();
            },
            2: (r) => {
              value = r.float();
            },
            9: (metadata) =>
              message(metadata, {
                1: (data) =>
                  message(data, {
                    2: (r) => {
                      value = r.bytes();
                    },
                  }),
              }),
            8: (tensor) =>
              message(tensor, {
                8: (r) => {
                  value = r.string();
                },
              }),
          }),
      }),
  });
  return value === undefined ? undefined : { wallTime, step, tag, value };
}
