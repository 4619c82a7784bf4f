// Rows of JSON lines and CSV: what is wrong is named with file, row and field.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readUtf8 } from '../read-utf8.ts';
import { parseCsv, readCsv } from './csv.ts';
import { readJsonLines } from './rows.ts';
import { dataFolder } from './tasks.testing.ts';

it('reads JSON lines and names file, row and field of what does not fit', () => {
  using folder = dataFolder({ 'a.json': '{"n": 1, "s": "x", "l": ["a"], "o": [{"t": ""}]}\n\n{"n": 1.5}\n' });
  const file = join(folder.path, 'a.json');
  const [first, second] = readJsonLines(file);
  expect([first!.integer('n', 0, 3), first!.text('s'), first!.texts('l', 1)]).toEqual([1, 'x', ['a']]);
  const refused = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  expect(refused(() => second!.integer('n', 0, 3))).toMatchObject({
    code: 'bad-row',
    message: expect.stringContaining(`${file}, row 3: "n" should be a whole number from 0 to 3 but is 1.5`),
    fields: { file, row: 3, field: 'n' },
  });
  expect(refused(() => second!.text('s'))).toMatchObject({
    message: expect.stringContaining('"s" should be a text but is missing'),
  });
  expect(refused(() => first!.number('n', 2, 3))).toMatchObject({
    message: expect.stringContaining('a number from 2 to 3'),
  });
  expect(refused(() => first!.oneOf('s', ['y', 'z']))).toMatchObject({
    message: expect.stringContaining('one of y, z but is "x"'),
  });
  expect(refused(() => first!.texts('l', 2))).toMatchObject({ message: expect.stringContaining('a list of 2 texts') });
  expect(refused(() => first!.rows('o')[0]!.text('t'))).toMatchObject({
    message: expect.stringContaining('row 1, o[0]: "t"'),
  });
  writeFileSync(file, '{"n": 1}\n[2]\n');
  expect(refused(() => readJsonLines(file))).toMatchObject({
    message: expect.stringContaining('row 2 should be an object but is [2]'),
  });
  writeFileSync(file, '{"n": 1}\n{"n":\n');
  expect(refused(() => readJsonLines(file))).toMatchObject({ message: expect.stringContaining('row 2 is not JSON') });
});

it.each<[string, string | Uint8Array]>([
  ['a byte order mark', '\ufeff{"s": "あ"}\n{"s": "い"}\n'],
  ['line ends of Windows', '{"s": "あ"}\r\n{"s": "い"}\r\n'],
  ['blank lines', '\n{"s": "あ"}\n \t\n\r\n{"s": "い"}\n\n'],
  ['no last line end', '{"s": "あ"}\n{"s": "い"}'],
  ['names of prototypes', '{"__proto__": {"s": "x"}, "s": "あ"}\n{"constructor": 1, "s": "い"}\n'],
])('reads JSON lines with %s', (_what, content) => {
  using folder = dataFolder({});
  const file = join(folder.path, 'a.jsonl');
  writeFileSync(file, content);
  expect(readJsonLines(file).map((row) => row.text('s'))).toEqual(['あ', 'い']);
});

it('does not find a field in the prototype', () => {
  using folder = dataFolder({ 'a.jsonl': '{"__proto__": {"s": "x"}}\n' });
  const [row] = readJsonLines(join(folder.path, 'a.jsonl'));
  expect(() => row!.text('s')).toThrow('"s" should be a text but is missing');
  expect(() => row!.text('constructor')).toThrow('"constructor" should be a text but is ');
});

it('refuses what is not UTF-8, and more than a data set has', () => {
  using folder = dataFolder({ 'b.csv': 'a,b\n' });
  const file = join(folder.path, 'a.jsonl');
  writeFileSync(file, Buffer.from([0x7b, 0x7d, 0x0a, 0x82, 0xa0]));
  expect(() => readJsonLines(file)).toThrow(`${file} is not valid UTF-8`);
  expect(() => readUtf8(join(folder.path, 'b.csv'), 3)).toThrow(/b\.csv has 4 bytes; no data set has more than 3/);
});

it('reads comma-separated values with a byte order mark and blank lines', () => {
  using folder = dataFolder({ 'a.csv': '\ufeffa,b\r\n\r\nc,d\n\n' });
  const rows = readCsv(join(folder.path, 'a.csv'), ['x', 'y']);
  expect(rows.map((row) => [row.text('x'), row.text('y')])).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

it('reads comma-separated values', () => {
  expect(parseCsv('\ufeffa,b\r\n"x,\n""y""",c d\n,"",\n', 'f')).toEqual([
    ['a', 'b'],
    ['x,\n"y"', 'c d'],
    ['', '', ''],
  ]);
  expect(parseCsv('a,5" pipe\nlast,', 'f')).toEqual([
    ['a', '5" pipe'],
    ['last', ''],
  ]);
  expect(parseCsv('', 'f')).toEqual([]);
  expect(() => parseCsv('a,b\n"c,d\n', 'f.csv')).toThrow('f.csv, row 2: a quote is not closed');
  expect(() => parseCsv('"a"b,c\n', 'f.csv')).toThrow('f.csv, row 1');
});

it('counts the fields of a row', () => {
  using folder = dataFolder({ 'a.csv': 'a,b\nc\n' });
  expect(() => readCsv(join(folder.path, 'a.csv'), ['x', 'y'])).toThrow('row 2 should have 2 fields (x, y) but has 1');
});
