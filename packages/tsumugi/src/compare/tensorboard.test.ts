// Event files, read back by a decoder written from the description of the format alone.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';
import { eventFile, tagOf, writeEventFile } from './tensorboard.ts';

it('has the checksums of RFC 3720, B.4', () => {
  const range = Array.from({ length: 32 }, (_, i) => i);
  expect(crc32c(new Uint8Array(32)).toString(16)).toBe('8a9136aa');
  expect(crc32c(new Uint8Array(32).fill(0xff)).toString(16)).toBe('62a8ab43');
  expect(crc32c(Uint8Array.from(range)).toString(16)).toBe('46dd794e');
  expect(crc32c(Uint8Array.from(range.toReversed())).toString(16)).toBe('113fdb5c');
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
});

/** The checksum bit by bit, from its polynomial: x³² mod P over the bits of the message. */
function checksum(data: Buffer): number {
  let crc = 0xffffffffn;
  for (const byte of data)
    for (let bit = 0n; bit < 8n; bit++) {
      const carry = (crc ^ (BigInt(byte) >> bit)) & 1n;
      crc = (crc >> 1n) ^ (carry ? 0x82f63b78n : 0n);
    }
  crc ^= 0xffffffffn;
  const turned = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((turned + 0xa282ead8n) & 0xffffffffn);
}

type Fields = Record<number, (Buffer | bigint)[]>;

/** A protocol buffer: the fields of a message, as they stand. */
function fieldsOf(data: Buffer): Fields {
  const fields: Fields = {};
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(data[at++]!);
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  };
  while (at < data.length) {
    const key = Number(varint());
    const [field, wire] = [key >> 3, key & 7];
    const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    fields[field] ??= [];
    if (wire === 0) fields[field].push(varint());
    else {
      expect(at + length).toBeLessThanOrEqual(data.length);
      fields[field].push(data.subarray(at, at + length));
      at += length;
    }
  }
  return fields;
}

const bytes = (fields: Fields, field: number) => fields[field]![0] as Buffer;

function readEventFile(file: Buffer) {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(checksum(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(checksum(data));
    records.push(data);
    at += 16 + length;
  }
  const [version, ...events] = records.map(fieldsOf);
  return {
    version: bytes(version!, 3).toString(),
    scalars: events.map((event) => {
      const value = fieldsOf(bytes(fieldsOf(bytes(event, 5)), 1));
      return {
        time: bytes(event, 1).readDoubleLE(),
        step: event[2]![0],
        tag: bytes(value, 1).toString(),
        value: bytes(value, 2).readFloatLE(),
      };
    }),
  };
}

const at = (chart: string, name: string, step: number, value: number | null, time: number) =>
  ({ chart, name, step, value, time, tokens: null, seconds: 0 }) as const;

it('holds every number under its tag, at its step and time, in the order of time', () => {
  const file = Buffer.from(
    eventFile([
      at('loss, nats per token', 'training', 300, 2.5, 3500),
      at('正解率', 'held-out', 2 ** 40, null, 2250),
      at('lr', 'lr', 0, 0.25, 1000),
    ]),
  );
  expect(readEventFile(file)).toEqual({
    version: 'brain.Event:2',
    scalars: [
      { time: 1, step: 0n, tag: 'lr', value: 0.25 },
      { time: 2.25, step: 2n ** 40n, tag: '正解率/held-out', value: Number.NaN },
      { time: 3.5, step: 300n, tag: 'loss_nats_per_token/training', value: 2.5 },
    ],
  });
  expect(readEventFile(Buffer.from(eventFile([]))).scalars).toEqual([]);
  expect(tagOf({ chart: 'a / b: c', name: 'x' })).toBe('a_b_c/x');
});

it('is written once for a run, however often', () => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-tfevents-'));
  const first = writeEventFile(home, 'one', [at('lr', 'lr', 1, 1, 1_700_000_000_000)]);
  const second = writeEventFile(home, 'one', [
    at('lr', 'lr', 1, 1, 1_700_000_000_000),
    at('lr', 'lr', 2, 1, 1_700_000_001_000),
  ]);
  expect(readdirSync(join(home, 'one'))).toEqual(['events.out.tfevents.1700000000.tsumugi']);
  expect(second).toBe(first);
  expect(readEventFile(readFileSync(first)).scalars).toHaveLength(2);
  rmSync(home, { recursive: true });
});

it('gives curves whose tags would be one a tag of their own', () => {
  const measured = (chart: string, name: string, step: number) =>
    ({ time: step, step, chart, name, value: step }) as never;
  const file = Buffer.from(
    eventFile([measured('a b', 'x', 1), measured('a,b', 'x', 2), measured('a b', 'x', 3), measured('a.b', 'x', 4)]),
  ).toString('latin1');
  expect(file.match(/a[_.]b\/x(_2)?/g)).toEqual(['a_b/x', 'a_b/x_2', 'a_b/x', 'a.b/x']);
});
