// Replies as models write them.
import { expect, it } from 'vitest';
import { readReply } from './reply.ts';

const list = (text: string) => readReply(text, 'list');
const number = (text: string, range = {}) => readReply(text, 'number', { min: 1, max: 5, ...range });

it('takes a text as it is, without fence and white space around it', () => {
  expect(readReply('\n 猫です。\n', 'text')).toEqual({ values: ['猫です。'] });
  expect(readReply('```json\n{"a": 1}\n```', 'text')).toEqual({ values: ['{"a": 1}'] });
  expect(readReply('前 ```x``` 後', 'text')).toEqual({ values: ['前 ```x``` 後'] });
  for (const reading of ['text', 'list', 'number'] as const)
    expect(readReply(' \n', reading)).toEqual({ fault: 'an empty reply' });
});

it('takes the items of a list, whatever marks them, each once', () => {
  const items = { values: ['名前は？', 'どこ？'] };
  for (const text of [
    '名前は？\nどこ？',
    '1. 名前は？\n2. どこ？',
    '１）名前は？\n\n２）どこ？',
    '- 名前は？\n- どこ？\n- 名前は？',
    '・名前は？\n・どこ？',
    '①名前は？\n②どこ？',
    '質問1：名前は？\n質問2：どこ？',
    'Q1. 名前は？\nQ2. どこ？',
  ])
    expect(list(text), text).toEqual(items);
});

it('leaves the preamble of a list out', () => {
  expect(list('以下の質問を作りました。\n1. 名前は？\n\nご確認ください。')).toEqual({ values: ['名前は？'] });
  expect(list('質問は次の通りです：\n名前は？')).toEqual({ values: ['名前は？'] });
  expect(list('質問：')).toEqual({ fault: 'a list without an item' });
});

it('does not take a number or a word at the beginning of an item for a mark', () => {
  expect(list('3つの山の名前は？\n質問の数は？')).toEqual({ values: ['3つの山の名前は？', '質問の数は？'] });
});

it('takes the first number, within its range', () => {
  expect(number('4')).toEqual({ values: [4] });
  expect(number('点数：５点')).toEqual({ values: [5] });
  expect(number('4.5/5')).toEqual({ values: [4.5] });
  expect(number('-2', { min: -3 })).toEqual({ values: [-2] });
  expect(number('10')).toEqual({ fault: '10, not within 1 and 5' });
  expect(number('とても良い')).toEqual({ fault: 'no number in "とても良い"' });
});
