// TensorBoard's event files: records, each a protocol buffer `Event`.
//
//   record: length (u64, little endian), masked CRC-32C of these 8 bytes, the data, masked CRC-32C of the data
//   Event: 1 wall_time (double, seconds), 2 step (int64), 3 file_version ("brain.Event:2", first record), 5 summary
//   Summary: 1 value, repeated; Value: 1 tag (text), 2 simple_value (float)
//
// Source: TensorFlow's core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/index.ts';
import type { Measurement } from '../run/index.ts';
import { maskedCrc32c } from './crc32c.ts';

/** Unsigned, seven bits a byte, the lowest first. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 128n) return Uint8Array.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}

const key = (field: number, wireType: 0 | 1 | 2 | 5) => varint(field * 8 + wireType);
const whole = (field: number, value: number) => Buffer.concat([key(field, 0), varint(value)]);
const bytes = (field: number, content: Uint8Array) => Buffer.concat([key(field, 2), varint(content.length), content]);

function double(field: number, value: number): Uint8Array {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), content]);
}

function float(field: number, value: number): Uint8Array {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return Buffer.concat([key(field, 5), content]);
}

function record(data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(data.length));
  const crc = (of: Uint8Array) => {
    const content = Buffer.alloc(4);
    content.writeUInt32LE(maskedCrc32c(of));
    return content;
  };
  return Buffer.concat([head, crc(head), data, crc(data)]);
}

/** "loss, nats per token" of "training" → "loss_nats_per_token/training": a slash makes a group of charts. */
export const tagOf = ({ chart, name }: Pick<Measurement, 'chart' | 'name'>): string =>
  (chart === name ? [chart] : [chart, name]).map((part) => part.replaceAll(/[^\p{L}\p{N}.-]+/gu, '_')).join('/');

/** The tag of each curve. Where two would have the same, the later gets a number: one tag is drawn as one curve. */
function tagsOf(measurements: readonly Measurement[]): (each: Measurement) => string {
  const taken = new Set<string>();
  const tags = new Map<string, string>();
  const curve = ({ chart, name }: Measurement) => JSON.stringify([chart, name]);
  for (const each of measurements) {
    if (tags.has(curve(each))) continue;
    let tag = tagOf(each);
    for (let n = 2; taken.has(tag); n++) tag = `${tagOf(each)}_${n}`;
    taken.add(tag);
    tags.set(curve(each), tag);
  }
  return (each) => tags.get(curve(each))!;
}

/** The content of an event file. */
export function eventFile(measurements: readonly Measurement[]): Uint8Array {
  const tag = tagsOf(measurements);
  const started = (measurements[0]?.time ?? 0) / 1000;
  const first = Buffer.concat([double(1, started), bytes(3, Buffer.from('brain.Event:2'))]);
  const rest = measurements
    .toSorted((a, b) => a.time - b.time)
    .map((each) => {
      const value = Buffer.concat([bytes(1, Buffer.from(tag(each))), float(2, each.value ?? Number.NaN)]);
      return record(Buffer.concat([double(1, each.time / 1000), whole(2, each.step), bytes(5, bytes(1, value))]));
    });
  return Buffer.concat([record(first), ...rest]);
}

/** Writes `<folder>/<name>/events.out.tfevents…`, which `tensorboard --logdir folder` shows as the run `name`. */
export function writeEventFile(folder: string, name: string, measurements: readonly Measurement[]): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  const started = Math.floor((measurements[0]?.time ?? 0) / 1000);
  // The same run writes the same file, so that nothing is shown twice.
  const path = join(place, `events.out.tfevents.${String(started).padStart(10, '0')}.tsumugi`);
  writeFileAtomic(path, eventFile(measurements));
  return path;
}
