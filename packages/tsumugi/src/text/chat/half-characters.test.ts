// Half of a surrogate pair in data: refused by file, row and field wherever a column is read, since what a row says is learned word for word.
import { writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate, templateTokens } from './built-in.ts';
import { loadExamples, loadPairs, loadRated } from './load-examples.ts';
import { readPrompts } from './prompts.ts';
import { jinjaTemplate } from './template.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const options = { template: builtInTemplate('chatml', templateTokens(tokenizer))!, tokenizer };

const half = '猫\ud83d';
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more });
const call = (args: unknown) => [{ type: 'function', function: { name: 'f', arguments: args } }];
const messages = [user('犬は？'), assistant('犬です。')];
const pair = { prompt: '犬は？', chosen: '犬です。', rejected: '猫です。' };
const readAll = async (paths: readonly string[]) => {
  for await (const _ of readPrompts(paths));
};
const answers = (paths: readonly string[]) => loadExamples(paths, options);
const pairs = (paths: readonly string[]) => loadPairs(paths, options);
const rated = (paths: readonly string[]) => loadRated(paths, options);

type Load = (paths: readonly string[]) => Promise<unknown>;
it.each<[Load, good: object, bad: object, field: string]>([
  [answers, { messages }, { messages: [user('犬は？'), assistant(half)] }, 'messages[1].content'],
  [answers, { messages }, { messages: [user([{ type: 'text', text: half }])] }, 'messages[0].content[0].text'],
  [answers, { messages }, { messages: JSON.stringify([user(half), assistant('')]) }, 'messages[0].content'],
  [answers, { messages }, { messages, system: half }, 'system'],
  [answers, { messages }, { messages, tools: [{ name: half }] }, 'tools[0].name'],
  [
    answers,
    { messages },
    { messages: [user('犬は？'), assistant('', { tool_calls: call('{"city": "\\ud83d"}') })] },
    'messages[1].tool_calls[0].function.arguments.city',
  ],
  [answers, { messages }, { messages: [{ ...user('犬は？'), [half]: 1 }] }, 'the names in messages[0]'],
  [
    answers,
    { conversations: [{ from: 'human', value: 'あ' }] },
    { conversations: [{ from: 'human', value: half }] },
    'conversations[0].value',
  ],
  [answers, { instruction: 'あ', output: 'い' }, { instruction: 'あ', input: half, output: 'い' }, 'input'],
  [answers, { prompt: 'あ', completion: 'い' }, { prompt: 'あ', completion: '\ude00' }, 'completion'],
  [pairs, pair, { ...pair, rejected: half }, 'rejected'],
  [rated, { ...pair, completion: 'い', label: true }, { prompt: half, completion: 'い', label: true }, 'prompt'],
  [readAll, { prompt: 'あ' }, { prompt: 'い', answer: half }, 'answer'],
])('%o: %o, and %o is refused', async (load, good, bad, field) => {
  const lines = folder.at('行.jsonl');
  writeFileSync(lines, `${JSON.stringify(good)}\n\n${JSON.stringify(bad)}\n`);
  await expect(load([lines])).rejects.toMatchObject({
    code: expect.stringMatching(/half-character|no-answer/),
    fields: { file: lines, row: expect.any(Number) },
  });
  writeFileSync(lines, `\n${JSON.stringify(bad)}\n`);
  await expect(load([lines])).rejects.toThrow(`${lines}, row 2: ${field} holds half of a surrogate pair`);
  const list = folder.at('行.json');
  writeFileSync(list, JSON.stringify([bad]));
  await expect(load([list])).rejects.toThrow(`${list}, row 1: ${field} holds half of a surrogate pair`);
});

it('whole pairs are learned, and columns that are not read are not looked at', async () => {
  const lines = folder.at('whole.jsonl');
  writeFileSync(lines, '{"prompt":"犬","completion":"\\ud83d\\ude00だ","note":"\\ud83d"}\n');
  const { examples } = await answers([lines]);
  expect(tokenizer.decode(examples[0]!.ids)).toContain('😀だ');
});

it('a template with one is refused', () => {
  expect(() => jinjaTemplate({ name: 'own', source: `{{ messages }}${half}` })).toThrow('half of a surrogate pair');
});
