// Text out of ids: whole characters only, also where a text is cut and goes on.
import { expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { TextStream } from './text-stream.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();
const tokenizer = tiny.loadTokenizer();

const bytes = (...values: number[]) =>
  values.map((value) => tokenizer.idOf(`<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`)!);
const read = (ids: readonly number[], before: readonly number[] = [], stop: string[] = []) => {
  const stream = new TextStream(tokenizer, stop, before);
  return ids.map((id) => stream.push(id)).join('') + stream.end();
};

it('leaves out a character that the end cuts', () => {
  const cat = bytes(0xe9, 0xad, 0x9a); // 魚
  for (const length of [1, 2]) expect(read([...bytes(0x41), ...cat.slice(0, length)])).toBe('A');
  expect(read([...bytes(0x41), ...cat])).toBe('A魚');
  const emoji = bytes(0xf0, 0x9f, 0x90, 0xb1);
  for (const length of [1, 2, 3]) expect(read(emoji.slice(0, length), [], ['よ'])).toBe('');
});

it('does not stop at an empty text', () => {
  const ids = bytes(0x41, 0x42, 0x43);
  expect(read(ids, [], [''])).toBe('ABC');
  expect(read(ids, [], ['', 'C'])).toBe('AB');
});

it('shows what is broken in the middle, as the model wrote it', () => {
  expect(read([...bytes(0xe9, 0xad), tokenizer.idOf('猫')!])).toBe('\ufffd猫');
});

it('finishes a character that the text before began', () => {
  expect(read(bytes(0x9a), bytes(0x41, 0xe9, 0xad))).toBe('魚');
  expect(read(bytes(0x9a, 0x42), [tokenizer.idOf('猫')!, ...bytes(0xe9, 0xad)])).toBe('魚B');
});

it('gives the same text wherever it is cut into two', () => {
  const random = new RandomStream(4);
  const ids = Buffer.from('魚と🐱、Aé猫🐟𠮷')
    .toJSON()
    .data.flatMap((byte) => bytes(byte));
  for (let i = 0; i < 6; i++) ids.splice(random.below(ids.length), 1, random.below(ids.length) + 5);
  const whole = read(ids);
  for (let cut = 0; cut <= ids.length; cut++)
    expect(read(ids.slice(0, cut)) + read(ids.slice(cut), ids.slice(0, cut)), `cut at ${cut}`).toBe(whole);
});

it('holds back what may begin a stop string, and no more', () => {
  const stream = new TextStream(tokenizer, ['abc', 'bd']);
  expect(stream.stopped).toBe(false);
  const shown = (text: string) => bytes(...Buffer.from(text)).map((id) => stream.push(id));
  expect(shown('xab')).toEqual(['x', '', '']);
  expect(shown('b')).toEqual(['ab']);
  expect(shown('aaa')).toEqual(['b', 'a', 'a']);
  expect(stream.stopped).toBe(false);
  expect(shown('bc')).toEqual(['', '']);
  expect(stream.stopped).toBe(true);
  expect(stream.end()).toBe('');
});

it('gives what it held when the text ends without the stop string', () => {
  const stream = new TextStream(tokenizer, ['abc']);
  expect(bytes(0x61, 0x62).map((id) => stream.push(id))).toEqual(['', '']);
  expect([stream.stopped, stream.end()]).toEqual([false, 'ab']);
});

it('stops at the first of several that come with one id', () => {
  const id = tokenizer.idOf('猫')!;
  expect(read([...bytes(0x41), id], [], ['猫', 'A猫'])).toBe('');
  expect(read([...bytes(0x41), id], [], ['犬', '猫'])).toBe('A');
});
