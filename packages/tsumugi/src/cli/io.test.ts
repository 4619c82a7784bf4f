// Streams: lines, back pressure, colours, control characters.
import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DataError } from '../base/index.ts';
import { type Line, printable, readLines, write } from './io.ts';

async function linesOf(chunks: (string | Uint8Array)[]): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const group of readLines(Readable.from(chunks, { objectMode: false }))) lines.push(...group);
  return lines;
}

describe('readLines', () => {
  it('finds the same lines however the bytes are cut', async () => {
    const bytes = Buffer.from('\ufeff猫\r\n\n𠮷野家\n \nend');
    const expected = [
      { text: '猫\r', number: 1 },
      { text: '𠮷野家', number: 3 },
      { text: 'end', number: 5 },
    ];
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = [];
      for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
      expect(await linesOf(chunks)).toEqual(expected);
    }
    expect(await linesOf([])).toEqual([]);
  });

  it('names the first line that is not UTF-8, however the bytes are cut', async () => {
    const bytes = Buffer.concat([Buffer.from('a\nb\n'), Buffer.of(0x82, 0xa0), Buffer.from('\nc')]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const error = await linesOf([bytes.subarray(0, cut), bytes.subarray(cut)]).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).message).toContain('line 3 of standard input is not UTF-8');
    }
  });

  it('gives lines as they come, without waiting for more', async () => {
    const stream = new PassThrough();
    const groups = readLines(stream);
    stream.write('one\ntw');
    expect((await groups.next()).value).toEqual([{ text: 'one', number: 1 }]);
    stream.end('o\n');
    expect((await groups.next()).value).toEqual([{ text: 'two', number: 2 }]);
  });
});

describe('write', () => {
  it('waits for a reader that is behind', async () => {
    const finish: (() => void)[] = [];
    const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void finish.push(done) });
    let written = false;
    const writing = write(slow, 'much').then(() => {
      written = true;
    });
    await new Promise(setImmediate);
    expect(written).toBe(false);
    finish[0]!();
    await writing;
    expect(written).toBe(true);
  });
});

describe('printable', () => {
  it('takes the effect from control characters, on a terminal only', () => {
    const text = '猫\u001b[2J\r\n\t\u0007\u007f\u009b1m';
    expect(printable(Object.assign(new PassThrough(), { isTTY: true }), text)).toBe('猫␛[2J␍\n\t␇␡\ufffd1m');
    expect(printable(new PassThrough(), text)).toBe(text);
  });
});
