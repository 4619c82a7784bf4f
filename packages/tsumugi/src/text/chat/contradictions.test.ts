// Columns of a row that contradict each other are refused by file and row; those that say the same, and those that are not read, are not
// in the way: what is not read is told.
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate, templateTokens } from './built-in.ts';
import { type Loaded, loadExamples, loadPairs, loadRated } from './load-examples.ts';
import { readPrompts } from './prompts.ts';
import { describeReport } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const options = { template: builtInTemplate('chatml', templateTokens(tokenizer))!, tokenizer };
const write = (...rows: object[]) => {
  const path = folder.at('rows.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return [path];
};

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string, more: object = {}) => ({ role: 'assistant', content, ...more });
const system = (content: string) => ({ role: 'system', content });
const whole = {
  chosen: [user('犬は？'), assistant('わん')],
  rejected: [user('犬は？'), assistant('にゃあ')],
};
const turns = [user('犬は？'), assistant('わん'), user('猫は？')];

const answers = (row: object) => loadExamples(write(row), options);
const pairs = (row: object) => loadPairs(write(row), options);
const rated = (row: object) => loadRated(write(row), options);
const prompts = (row: object) => Array.fromAsync(readPrompts(write(row)));
type Load = (row: object) => Promise<unknown>;

describe('columns that contradict each other', () => {
  it.each<[Load, object, string]>([
    [pairs, { prompt: '鳥は？', ...whole }, 'prompt and chosen and rejected ask different things'],
    [pairs, { prompt: [user('鳥は？')], ...whole }, 'prompt and chosen and rejected ask different things'],
    [pairs, { prompt: [...turns], ...whole }, 'prompt and chosen and rejected ask different things'],
    [
      pairs,
      { system: '短く', chosen: [system('長く'), ...whole.chosen], rejected: [system('長く'), ...whole.rejected] },
      'system and the message of the role system differ',
    ],
    [rated, { prompt: '鳥は？', completion: whole.chosen, label: true }, 'prompt and completion ask different things'],
    [
      answers,
      { system: '短く', messages: [system('長く'), ...whole.chosen] },
      'system and the message of the role system differ',
    ],
    [
      answers,
      { messages: whole.chosen, conversations: whole.rejected },
      'messages and conversations differ, and mean the same',
    ],
    [answers, { instruction: '犬', output: 'わん', response: 'にゃあ' }, 'output and response differ'],
    [answers, { instruction: '犬', input: 'あ', context: 'い', output: 'わん' }, 'input and context differ'],
    [
      answers,
      { messages: [user('犬は？'), assistant('わん', { weight: 0, train: true })] },
      'messages[1].train should be false, as weight is 0, but is true',
    ],
    [prompts, { prompt: '鳥は？', messages: whole.chosen }, 'prompt and messages ask different things'],
    [prompts, { prompt: [user('鳥は？')], messages: whole.chosen }, 'prompt and messages ask different things'],
  ])('%o: %o', async (load, row, fault) => {
    await expect(load(row)).rejects.toThrow(`${folder.at('rows.jsonl')}, row 1: ${fault}`);
  });
});

describe('columns that say the same twice', () => {
  it.each<[Load, object]>([
    [pairs, { prompt: ' 犬は？', ...whole }],
    [pairs, { prompt: [system('短く'), user('犬は？')], ...whole }],
    [pairs, { prompt: '猫は？', chosen: [...turns, assistant('a')], rejected: [...turns, assistant('b')] }],
    [pairs, { prompt: '犬は？', chosen: [...turns, assistant('a')], rejected: [...turns, assistant('b')] }],
    [answers, { system: '短く ', messages: [system('短く'), ...whole.chosen] }],
    [answers, { messages: whole.chosen, conversations: whole.chosen }],
    [answers, { instruction: '犬', output: '', response: 'わん' }],
    [answers, { instruction: '犬', input: '', context: 'い', output: 'わん' }],
    [answers, { messages: [user('犬は？'), assistant('わん', { weight: 1, train: true })] }],
    [prompts, { prompt: '犬は？', messages: whole.chosen }],
    [prompts, { prompt: '犬は？', conversation: 'number 7' }],
  ])('%o: %o', async (load, row) => {
    await expect(load(row)).resolves.toBeDefined();
  });

  it('of which the one that is filled is taken', async () => {
    const { examples } = await answers({ instruction: '犬', input: '', context: '山の', output: '', response: 'わん' });
    const text = tokenizer.decode(examples[0]!.ids);
    expect(text).toContain('犬\n\n山の');
    expect(text).toContain('わん');
  });
});

it('tells which columns are not read', async () => {
  const told = async (loaded: Promise<Loaded<unknown>>) => describeReport((await loaded).report)[0]!.split('rows; ')[1];
  expect(await told(pairs({ ...whole, messages: turns, score: 3, margin: 1, note: null }))).toBe(
    'columns that are not read: messages, score',
  );
  expect(await told(answers({ instruction: '犬', output: 'わん', tools: [{ name: 'f' }], prompt: 'x' }))).toBe(
    'columns that are not read: tools, prompt',
  );
  expect(await told(answers({ messages: whole.chosen, tools: [], system: '' }))).toBeUndefined();
  const names = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`c${i}`, i]));
  expect((await answers({ messages: whole.chosen, ...names })).report.files[0]!.notRead).toHaveLength(20);
});
