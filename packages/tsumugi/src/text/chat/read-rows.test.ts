// Rows of Parquet mean what the same rows mean as JSON lines: a template knows no values of Parquet's own.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { loadExamples } from './load-examples.ts';
import { listRowFiles, readRows } from './read-rows.ts';
import { jinjaTemplate } from './template.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const parquet = fileURLToPath(new URL('../fixtures/tools.parquet', import.meta.url));

const call = (args: object) => [{ type: 'function', function: { name: 'weather', arguments: args } }];
const properties = { city: { type: 'string' }, days: { type: 'integer' } };
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties } } }];
const rows = [
  {
    messages: [
      { role: 'user', content: '東京の天気は？', turn: 1, id: '9007199254740993', at: '2026-01-02T03:04:05.000Z' },
      { role: 'assistant', turn: 2, id: 2, tool_calls: call({ city: '東京' }) },
      { role: 'tool', content: '晴れ', turn: 3, id: 3 },
      { role: 'assistant', content: '晴れです。', turn: 4, id: 4 },
    ],
    tools,
  },
  {
    messages: [
      { role: 'user', content: '三日分は？', turn: 1, id: 1 },
      { role: 'assistant', turn: 2, id: 2, tool_calls: call({ city: '大阪', days: 3 }) },
    ],
    tools,
  },
];

it('has numbers and texts for integers of 64 bits and times, and of a struct the fields that a row fills', async () => {
  const found: unknown[] = [];
  for await (const { value } of readRows(listRowFiles([parquet])[0]!, ['messages', 'tools'])) found.push(value);
  expect(found).toEqual(rows);
});

it('learns from Parquet what it learns from JSON lines', async () => {
  const template = jinjaTemplate({
    name: 'calling',
    source:
      '{{ tools | tojson }}{% for m in messages %}<{{ m.role }}>{% if m.role == "user" %}{{ m.turn + 1 }}{{ m.at }}{% endif %}{{ m.content }}' +
      '{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{{ eos_token }}{% endfor %}' +
      '{% if add_generation_prompt %}<assistant>{% endif %}',
  });
  const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
  const lines = folder.at('tools.jsonl');
  writeFileSync(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const [a, b] = await Promise.all([parquet, lines].map((file) => loadExamples([file], { template, tokenizer })));
  const learned = ({ examples }: NonNullable<typeof a>) => examples.map(({ ids, learned }) => ({ ids, learned }));
  expect(learned(a!)).toEqual(learned(b!));
  expect(tokenizer.decode(a!.examples[0]!.ids)).toContain('<assistant>{"city": "東京"}');
});
