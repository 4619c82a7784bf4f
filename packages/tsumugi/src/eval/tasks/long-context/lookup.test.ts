// Needle and phonebook: how the texts are made, and what readers and guessers get.
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import { RandomStream } from '../../../base/index.ts';
import { Tokenizer } from '../../../text/index.ts';
import type { ChoicesRequest, GenerateRequest } from '../../request.ts';
import type { SampleRecord, Task } from '../../task.ts';
import { fakeContext, pairs, reader } from './long-context.testing.ts';
import { lookupTask, roomFor } from './lookup.ts';
import { TOLERANCE } from './measure.ts';
import { familyNames, givenNames, places } from './names.ts';
import { needleKind } from './needle.ts';
import { embeddedNovels, sentencesOf } from './novel.ts';
import { phonebookKind } from './phonebook.ts';

const tokenizerFile = golden('tokenizer/tokenizer.jsonl');

const kinds = [needleKind, phonebookKind];
const everything = { lengths: '1K,2K,4K,8K,16K,32K', depths: '0,50,100', samples: '1' };

const requestsOf = (records: readonly SampleRecord[]) => records.map(({ prompt }) => prompt as ChoicesRequest);
const accuracy = (records: readonly SampleRecord[]) =>
  records.reduce((sum, { metrics }) => sum + metrics['accuracy']!, 0) / records.length;
const run = (task: Task, ...context: Parameters<typeof fakeContext>) => task.run(fakeContext(...context));

describe.each(kinds)('$name', (kind) => {
  const task = lookupTask(kind, 'choices');
  const written = lookupTask(kind, 'generate');

  it('makes the same texts from the same seed, and others from another', async () => {
    const texts = async (seed: number) => {
      const options = { lengths: '512,1K', depths: '0,100', samples: '2' };
      const { records } = await run(task, { choose: reader }, { seed, options });
      return requestsOf(records);
    };
    expect(await texts(1)).toEqual(await texts(1));
    expect(new Set((await texts(1)).map(({ prompt }) => prompt)).size).toBe(8);
    expect((await texts(2))[0]).not.toEqual((await texts(1))[0]);
  });

  it.each([
    ['tokens', pairs],
    ['characters', undefined],
  ])('hits lengths from 1K to 32K within 2 %% (%s)', async (unit, countTokens) => {
    const { records, settings, heatmap } = await run(task, { choose: reader }, { countTokens, options: everything });
    expect(settings).toMatchObject({ unit, chance: 0.2, lengths: '1K,2K,4K,8K,16K,32K', depths: '0,50,100' });
    expect(heatmap!.xLabel).toBe(`length (${unit})`);
    const count = countTokens ?? ((text: string) => [...text].length);
    for (const { id, prompt } of records) {
      const length = Number(id.split('/')[0]);
      const measured = count((prompt as ChoicesRequest).prompt) + roomFor(kind, 'choices');
      expect(measured).toBeLessThanOrEqual(length);
      expect(measured).toBeGreaterThanOrEqual((1 - TOLERANCE) * length);
    }
    expect(accuracy(records)).toBe(1);
  });

  it('hits lengths with a real tokenizer, answer and BOS included', async () => {
    const tokenizer = Tokenizer.load(tokenizerFile);
    const countTokens = (text: string) => tokenizer.encode(text).length;
    for (const each of [task, written]) {
      const options = { lengths: '1K,8K', depths: '30', samples: '2' };
      const { records } = await run(each, { choose: reader, write: () => '' }, { countTokens, options });
      for (const { id, prompt } of records) {
        const request = prompt as ChoicesRequest | GenerateRequest;
        const answer = request.kind === 'choices' ? Math.max(...request.choices.map(countTokens)) : request.maxTokens;
        const whole = 1 + countTokens(request.prompt as string) + answer;
        const length = Number(id.split('/')[0]);
        expect(whole).toBeLessThanOrEqual(length);
        const template = request.kind === 'generate' ? 32 : 0;
        expect(whole + template).toBeGreaterThanOrEqual(0.98 * length - 8);
      }
    }
  });

  it('gives a reader everything and a guesser a fifth', async () => {
    const options = { lengths: '256,512', depths: '0,25,50,75,100', samples: '60' };
    const read = await run(task, { choose: reader }, { options });
    expect(read.records.length).toBe(600);
    expect(accuracy(read.records)).toBe(1);
    expect(read.heatmap!.values.flat()).toEqual(Array(10).fill(1));
    expect(read.heatmap!.counts!.flat()).toEqual(Array(10).fill(60));
    const random = new RandomStream(7);
    const guess = await run(task, { choose: ({ choices }) => choices.map(() => random.next()) }, { options });
    expect(Math.abs(accuracy(guess.records) - 0.2)).toBeLessThan(3.5 * Math.sqrt((0.2 * 0.8) / 600));
    const first = await run(task, { choose: ({ choices }) => choices.map(() => 0) }, { options });
    expect(Math.abs(accuracy(first.records) - 0.2)).toBeLessThan(3.5 * Math.sqrt((0.2 * 0.8) / 600));
  });

  it('takes a limit from all cells evenly, and groups by length and depth', async () => {
    const options = { lengths: '256,512', depths: '0,100', samples: '3' };
    const { records, heatmap } = await run(task, { choose: reader }, { options, limit: 5 });
    expect(records.map(({ id }) => id)).toEqual(['256/0/0', '256/100/0', '512/0/0', '512/100/0', '256/0/1']);
    expect(records[1]!.groups).toEqual(['length 256', 'depth 100 %']);
    expect(heatmap!.counts).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });

  it('reads written answers: the first number of the kind, whole', async () => {
    const options = { lengths: '512', depths: '50', samples: '1' };
    const { records } = await run(written, { write: () => '' }, { options });
    const right = records[0]!.target as string;
    const wide = right.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
    const score = async (text: string) => accuracy((await run(written, { write: () => text }, { options })).records);
    expect(accuracy(records)).toBe(0);
    for (const good of [right, `はい、${right}番です。`, wide]) expect(await score(good)).toBe(1);
    const wrong = kind === needleKind ? '10000' : '03-0000-0000';
    for (const bad of [`${wrong}、${right}`, `1${right}`, `${right}1`, right.slice(1)])
      expect(await score(bad)).toBe(0);
  });

  it('asks in chat where the model chats', async () => {
    const options = { lengths: '512', depths: '50', samples: '1' };
    const context = fakeContext({ write: () => '' }, { options, chat: true });
    const { settings } = await written.run(context);
    expect(settings).toMatchObject({ mode: 'generate', prompt: 'chat' });
    const [request] = context.asked as GenerateRequest[];
    expect(request!.prompt).toMatchObject([
      { role: 'user', content: expect.stringContaining('番号だけを答えてください') },
    ]);
  });
});

it('the needle stands at its depth, once, and wrong numbers nowhere', async () => {
  const options = { lengths: '1K,4K', depths: '0,10,25,50,90,100', samples: '2' };
  const { records } = await run(lookupTask(needleKind, 'choices'), { choose: reader }, { options });
  for (const { id, prompt, target } of records) {
    const [, depth] = id.split('/').map(Number) as [number, number, number];
    const { prompt: text, choices } = prompt as ChoicesRequest;
    expect(text.split(target as string).length).toBe(2);
    for (const other of choices) if (other !== target) expect(text).not.toContain(other);
    expect(new Set(choices).size).toBe(5);
    const hay = text.slice('次の文章を読んでください。\n\n'.length, text.lastIndexOf('\n\n以上'));
    const needle = /([^。\n]{3,5}の金庫の番号は\d{5}です。)/.exec(hay)!;
    const stood = places.findIndex((place) => needle[0].includes(place));
    const start = needle.index + needle[0].indexOf(places[stood]!);
    const sentence = `${places[stood]}の金庫の番号は${target}です。`;
    const rest = hay.slice(0, start) + hay.slice(start + sentence.length);
    const neighbours = [...sentencesOf(hay.slice(0, start)).slice(-1), ...sentencesOf(hay.slice(start)).slice(1, 2)];
    const off = Math.abs(start - (rest.length * depth) / 100);
    expect(off).toBeLessThanOrEqual(Math.max(...neighbours.map(({ length }) => length)));
    if (depth === 0) expect(start).toBe(0);
    if (depth === 100) expect(hay.endsWith(sentence)).toBe(true);
  }
});

it('the phonebook has one line per person, and wrong numbers are those of others in it', async () => {
  const options = { lengths: '1K,8K', depths: '0,30,100', samples: '2' };
  const { records } = await run(lookupTask(phonebookKind, 'choices'), { choose: reader }, { options });
  for (const { id, prompt, target } of records) {
    const [, depth] = id.split('/').map(Number) as [number, number, number];
    const { prompt: text, choices } = prompt as ChoicesRequest;
    const lines = [...text.matchAll(/^(\S+ \S+)：(03-\d{4}-\d{4})$/gm)].map(([, name, number]) => ({ name, number }));
    expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
    expect(new Set(lines.map(({ number }) => number)).size).toBe(lines.length);
    const asked = text.split('\n').at(-1)!.slice(0, -1);
    const place = lines.findIndex(({ name }) => name === asked);
    expect(lines[place]!.number).toBe(target);
    expect(place).toBe(Math.round(((lines.length - 1) * depth) / 100));
    expect(new Set(choices).size).toBe(5);
    for (const choice of choices) expect(lines.filter(({ number }) => number === choice).length).toBe(1);
  }
});

it('the lists hold no name twice, and no town of the novels', () => {
  for (const list of [familyNames, givenNames, places]) expect(new Set(list).size).toBe(list.length);
  expect(familyNames.length * givenNames.length).toBe(10_000);
  for (const { text } of embeddedNovels()) for (const place of places) expect(text).not.toContain(place);
});

it('sentences end outside of quotations', () => {
  expect(sentencesOf('一\n　雨だ。「帰ろう。早く！」と言った。\n終わり。」')).toEqual([
    ...['　雨だ。', '「帰ろう。早く！」と言った。\n', '終わり。」'],
  ]);
});

describe('settings', () => {
  const task = lookupTask(needleKind, 'choices');
  it.each([
    [{ lengths: '1K,512' }, 'lengths should be ascending whole numbers'],
    [{ lengths: '1k, x' }, 'but is "1k, x"'],
    [{ lengths: '64' }, 'from 256 to 131072'],
    [{ depths: '0,101' }, 'depths should be'],
    [{ depths: '' }, 'depths should be'],
    [{ samples: '0' }, 'samples should be a whole number from 1'],
  ])('%j', async (options, message) => {
    await expect(run(task, { choose: reader }, { options })).rejects.toThrow(message);
  });
});
