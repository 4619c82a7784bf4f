// Replies as models write them.
import { expect, it } from 'vitest';
import { readReply } from './reply.ts';

const list = (text: string) => readReply(text, 'list');
const number = (text: string, range = {}) => readReply(text, 'number', { min: 1, max: 5, ...range });

it('takes a text as it is, without fence and white space around it', () => {
  expect(readReply('\n 猫です。\n', 'text')).toEqual({ values: ['猫です。'] });
  expect(readReply('```json\n{"a": 1}\n```', 'text')).toEqual({ values: ['{"a": 1}'] });
  expect(readReply('前 ```x``` 後', 'text')).toEqual({ values: ['前 ```x``` 後'] });
  expect(readReply('```c++ 例\r\nx\r\n```', 'text')).toEqual({ values: ['x'] });
  expect(readReply('````md\n```js\nx\n```\n````', 'text')).toEqual({ values: ['```js\nx\n```'] });
  const two = '```js\na\n```\n説明\n```js\nb\n```';
  expect(readReply(two, 'text')).toEqual({ values: [two] });
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
    '[1] 名前は？\n[2] どこ？',
    '1\\. 名前は？\n2\\. どこ？',
    '– 名前は？\n– どこ？',
    '1. **名前は？**\n2. **どこ？**',
    '**1. 名前は？**\n**2. どこ？**',
    '**質問1：** 名前は？\n**質問2：** どこ？',
    '**名前は？**\n**どこ？**',
    '["名前は？", "どこ？"]',
    '```json\n[\n  "名前は？",\n  "どこ？"\n]\n```',
  ])
    expect(list(text), text).toEqual(items);
});

it('leaves the preamble of a list out', () => {
  expect(list('以下の質問を作りました。\n1. 名前は？\n\nご確認ください。')).toEqual({ values: ['名前は？'] });
  expect(list('質問は次の通りです：\n名前は？')).toEqual({ values: ['名前は？'] });
  expect(list('質問：')).toEqual({ fault: 'a list without an item' });
});

it('does not take a number or a word at the beginning of an item for a mark', () => {
  for (const items of [
    ['3つの山の名前は？', '質問の数は？'],
    ['2.5キロは何グラム？', '水は何度で凍る？'],
    ['-5度は寒い？', '水は何度で凍る？'],
    ['12、13歳の子は？', '10:30に何がある？'],
    ['1.5リットルは何ミリ？', '水は何度で凍る？'],
  ]) {
    expect(list(items.join('\n'))).toEqual({ values: items });
    expect(list(items.map((item, i) => `${i + 1}. ${item}`).join('\n'))).toEqual({ values: items });
    expect(list(items.map((item) => `- ${item}`).join('\n'))).toEqual({ values: items });
  }
  const years = { values: ['2024年に何があった？', '2025年には？'] };
  expect(list('1.2024年に何があった？\n2.2025年には？')).toEqual(years);
  expect(list('1.2024年に何があった？\n2. 2025年には？')).toEqual(years);
});

it('does not take the scale for the number', () => {
  for (const text of [
    '5点満点中4点',
    '4点（5点満点）',
    '5点満点で4点です。',
    '10点中4',
    '1から5の整数で、4',
    '1〜5で言うと4',
    'Out of 5, I give 4.',
    'On a scale of 1 to 5: 4',
  ])
    expect(number(text, { max: 10 }), text).toEqual({ values: [4] });
  expect(number('5点満点です')).toEqual({ values: [5] });
});

it('takes the first number, within its range', () => {
  expect(number('4')).toEqual({ values: [4] });
  expect(number('点数：５点')).toEqual({ values: [5] });
  expect(number('4.5/5')).toEqual({ values: [4.5] });
  expect(number('-2', { min: -3 })).toEqual({ values: [-2] });
  expect(number('10')).toEqual({ fault: '10, not within 1 and 5' });
  expect(number('.5', { min: 0 })).toEqual({ values: [0.5] });
  expect(number('1,234.5', { max: 9999 })).toEqual({ values: [1234.5] });
  expect(number('1e-3', { min: 0 })).toEqual({ values: [0.001] });
  expect(number('点数-4')).toEqual({ values: [4] });
  expect(number('とても良い')).toEqual({ fault: 'no number in "とても良い"' });
});
