// Prompts out of data: what is asked, and what the row says beside it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readPrompts } from './prompts.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsumugi-prompts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, '問題.jsonl');
async function read(...rows: object[]) {
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return await Array.fromAsync(readPrompts([file]));
}
const user = { role: 'user', content: '一足す一は？' };

it('takes texts, messages, and rows for fine-tuning without their last answer', async () => {
  const answer = { role: 'assistant', content: '二' };
  const found = await read(
    { prompt: '1+1=', answer: 2 },
    { prompt: '1+1=', completion: '2' },
    { prompt: [user], level: 3 },
    { messages: [user, answer, user, answer] },
    { conversations: [{ from: 'human', value: '一足す一は？' }] },
    { instruction: '足せ', input: '1 1' },
    { instruction: '足せ', output: '2', answer: '二' },
    { prompt: [user], system: '短く。' },
  );
  const asked = (...messages: object[]) => ({ messages });
  expect(found.map(({ prompt }) => prompt)).toEqual([
    '1+1=',
    '1+1=',
    asked(user),
    asked(user, answer, user),
    asked(user),
    asked({ role: 'user', content: '足せ\n\n1 1' }),
    asked({ role: 'user', content: '足せ' }),
    asked({ role: 'system', content: '短く。' }, user),
  ]);
  expect(found.map(({ values }) => values['answer'])).toEqual([
    2,
    '2',
    undefined,
    '二',
    undefined,
    undefined,
    '二',
    undefined,
  ]);
  expect(found[2]!.values['level']).toBe(3);
  expect(found.map(({ source }) => source.row)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

it.each([
  [{ text: 'plain' }, '問題.jsonl, row 2 has text, and no prompt'],
  [{ prompt: 7 }, 'row 2: prompt should be a list of messages but is 7'],
  [
    { prompt: [user, { role: 'assistant', content: '二' }] },
    'row 2: prompt should be messages of which the last waits',
  ],
  [{ messages: [{ role: 'assistant', content: '二' }] }, 'row 2: messages should be messages of which the last waits'],
  [{ prompt: 'a', system: '短く。' }, 'row 2: prompt should be messages, as there is "system"'],
  [{ instruction: 3 }, 'row 2: instruction should be a text but is 3'],
])('names file, row and field: %j', async (row, message) => {
  await expect(read({ prompt: 'a' }, row)).rejects.toThrow(message);
});
