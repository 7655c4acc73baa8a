/**
 * TensorBoard's events in protocol-buffer form: the few fields that scalars and texts need.
 *
 * Source: tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor,tensor_shape,types}.proto.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A number or a text at a step. */
export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** `train/loss`. */
  readonly tag: string;
  readonly value: number | string;
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
    writer.tag(2, WireType.Bit32).float(value); // Value.simple_value
  else writeText(writer, value);
  return writer.join().join().finish();
}

const DT_STRING = 7;

function writeText(writer: BinaryWriter, text: string): void {
  writer.tag(9, WireType.LengthDelimited).fork(); // Value.metadata
  writer.tag(1, WireType.LengthDelimited).fork(); // SummaryMetadata.plugin_data
  writer.tag(1, WireType.LengthDelimited).string('text'); // PluginData.plugin_name
  writer.join().join();
  writer.tag(8, WireType.LengthDelimited).fork(); // Value.tensor
  writer.tag(1, WireType.Varint).int32(DT_STRING); // TensorProto.dtype
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorProto.tensor_shape
  writer.tag(2, WireType.LengthDelimited).fork(); // TensorShapeProto.dim
  writer.tag(1, WireType.Varint).int64(1); // Dim.size
  writer.join().join();
  writer.tag(8, WireType.LengthDelimited).string(text); // TensorProto.string_val
  writer.join();
}

/** An event with a value, or undefined for one of another kind (the file's version). */
export function decodeEvent(bytes: Uint8Array): Event | undefined {
  let [wallTime, step, tag] = [0, 0, ''];
  let value: number | string | undefined;
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
