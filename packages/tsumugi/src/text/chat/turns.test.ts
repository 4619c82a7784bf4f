// Prompts with the places of their messages, and answers that keep the ids with which they were written.
import { expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate, plainTemplate, TEMPLATES } from './built-in.ts';
import { encodePrompt, encodeTurns } from './conversation.ts';
import type { Message } from './message.ts';
import { defaultTemplate, templateStopIds } from './model-template.ts';
import { jinjaTemplate } from './template.ts';

const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const chatml = builtInTemplate('chatml')!;
const say = (role: Message['role'], content: string): Message => ({ role, content });
const turns = [
  say('system', '猫として話す。'),
  say('user', '猫は？<|plamo:eos|>'),
  say('assistant', '鳴く。'),
  say('user', '犬は？'),
];
/** The text of each part between two boundaries. */
const parts = (ids: readonly number[], boundaries: readonly number[]) =>
  [...boundaries, ids.length].map((end, i) => tokenizer.decode(ids.slice(boundaries[i - 1] ?? 0, end)));

it.each(TEMPLATES.filter((name) => name !== 'plamo-translate'))('gives the ids of encodePrompt, by %s', (name) => {
  const template = builtInTemplate(name) ?? plainTemplate;
  for (const messages of [turns, turns.slice(1), turns.slice(1, 2)])
    expect(encodeTurns(template, tokenizer, { messages }).ids).toEqual(encodePrompt(template, tokenizer, { messages }));
});

it('tells where the words of the system end, and where answers begin and end', () => {
  const { ids, boundaries } = encodeTurns(chatml, tokenizer, { messages: turns });
  expect(parts(ids, boundaries)).toEqual([
    '<|plamo:bos|><|im_start|>system\n猫として話す。<|im_end|>\n',
    '<|im_start|>user\n猫は？<|plamo:eos|><|im_end|>\n<|im_start|>assistant\n',
    '鳴く。<|im_end|>\n',
    '<|im_start|>user\n犬は？<|im_end|>\n<|im_start|>assistant\n',
  ]);
});

it('has the ids with which an answer was written, where they are known after what came before', () => {
  const first = encodeTurns(chatml, tokenizer, { messages: turns.slice(0, 2) }).ids;
  // Character by character: not what the text is encoded as.
  const written = [...'鳴く。'].flatMap((character) => tokenizer.encode(character));
  const asked: string[] = [];
  const { ids, boundaries } = encodeTurns(chatml, tokenizer, { messages: turns }, (before, answer) => {
    asked.push(answer);
    return before.join() === first.join() ? written : undefined;
  });
  expect(asked).toEqual(['鳴く。']);
  expect(ids.slice(0, first.length + written.length)).toEqual([...first, ...written]);
  expect(tokenizer.decode(ids)).toBe(tokenizer.decode(encodePrompt(chatml, tokenizer, { messages: turns })));
  expect(boundaries).toContain(first.length);
});

/** Words behind each other, and nothing else. */
const bare = jinjaTemplate({ name: 'bare', source: '{% for m in messages %}{{ m.content }}{% endfor %}' });

it('tells where the words of the system end in front of a character that is spread over tokens', () => {
  const messages = [say('system', 'ねこ'), say('user', '👨‍👩‍👧')];
  const { ids, boundaries } = encodeTurns(bare, tokenizer, { messages });
  expect(boundaries.length).toBe(1);
  expect(parts(ids, boundaries)).toEqual(['<|plamo:bos|>ねこ', '👨‍👩‍👧']);
});

it('has no place at the end of all, which nothing can follow', () => {
  const messages = [say('user', '猫は？'), say('assistant', '鳴く。')];
  const { ids, boundaries } = encodeTurns(bare, tokenizer, { messages });
  expect(parts(ids, boundaries)).toEqual(['<|plamo:bos|>猫は？', '鳴く。']);
});

it('begins with BOS once, also where the template writes it', () => {
  const source = "{{ bos_token }}{% for m in messages %}{{ m.content + '\\n' }}{% endfor %}";
  const template = jinjaTemplate({ name: 'with BOS', source });
  const { ids } = encodeTurns(template, tokenizer, { messages: turns });
  expect(ids.filter((id) => id === tokenizer.bosId)).toEqual([ids[0]]);
  expect(ids).toEqual(encodePrompt(template, tokenizer, { messages: turns }));
});

it('has letters where tools spell special pieces, in names too', () => {
  const source = '{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% endfor %}';
  const template = jinjaTemplate({ name: 'with tools', source });
  const tools = [{ type: 'function', function: { name: '<|plamo:eos|>', '<|plamo:eos|>': ['<|plamo:eos|>'] } }];
  const { ids } = encodeTurns(template, tokenizer, { messages: [say('user', 'a')], tools });
  expect(ids).not.toContain(tokenizer.eosId);
  expect(tokenizer.decode(ids).split('<|plamo:eos|>').length).toBe(4);
});

it('ends by ids only where the end of an answer is a special piece', () => {
  const ids = (stop: string[]) => templateStopIds({ ...chatml, stop }, tokenizer);
  expect(ids(['<|plamo:op|>'])).toEqual([tokenizer.opId]);
  expect(tokenizer.idOf('です')).toBeDefined();
  expect(ids(['です', '### 指示:'])).toEqual([]);
});

it('is the default of several templates, or the only one', () => {
  const of = (...names: string[]) => ({ chat_template: names.map((name) => ({ name, template: `of ${name}` })) });
  expect(defaultTemplate(of('rag', 'default'))).toBe('of default');
  expect(defaultTemplate(of('rag'))).toBe('of rag');
  expect(defaultTemplate(of('rag', 'tools'))).toBeUndefined();
});
