// What went wrong with chat templates and masks elsewhere, by public reports, and does not here. More of it is held by the tests of
// conversations: BOS twice, prompts that tokenize otherwise than in training, earlier turns shown otherwise.
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate } from './built-in.ts';
import { encodeConversation, encodePrompt } from './conversation.ts';
import { cutExample, loadExamples, loadPairs, loadRated } from './load-examples.ts';
import type { Message } from './message.ts';
import { showExample } from './show.ts';
import { type ChatTemplate, jinjaTemplate } from './template.ts';

const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const made = (source: string) => jinjaTemplate({ name: 'made', source });
const chatml = builtInTemplate('chatml')!;
const examplesOf = (template: ChatTemplate, ...messages: Message[]) =>
  encodeConversation(template, tokenizer, { messages });
const shown = (template: ChatTemplate, ...messages: Message[]) =>
  examplesOf(template, ...messages).map((example) =>
    showExample(example, tokenizer, { colour: false }).replaceAll('⏎\n', '⏎'),
  );

it('learns the answer where it stands, also where its words are in the prompt (axolotl 2089)', () => {
  expect(shown(chatml, user('MASKED'), assistant('MASKED'), user('NOT MASKED'), assistant('MASKED'))).toEqual([
    '‹<|plamo:bos|>›<|im_start|>user⏎MASKED<|im_end|>⏎<|im_start|>assistant⏎⟦MASKED<|im_end|>⏎⟧' +
      '<|im_start|>user⏎NOT MASKED<|im_end|>⏎<|im_start|>assistant⏎⟦MASKED<|im_end|>⏎⟧',
  ]);
  expect(shown(chatml, user('assistant'), assistant('assistant'))[0]).toContain('assistant⏎⟦assistant<|im_end|>⏎⟧');
});

it('learns an end of turn that is not EOS, and writes no EOS behind it (axolotl 3754, 1921)', () => {
  const source =
    "{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + m.role + '\\n' + m.content | trim + '<end_of_turn>\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<start_of_turn>assistant\\n' }}{% endif %}";
  const [text] = shown(made(source), user('a'), assistant('b'), user('c'), assistant('d'));
  expect(text!.match(/⟦[^⟧]*⟧/g)).toEqual(['⟦b<end_of_turn>⏎⟧', '⟦d<end_of_turn>⏎⟧']);
  expect(made(source).stop).toEqual(['<end_of_turn>']);
  expect(text).not.toContain('eos');
});

it('ends a text with EOS where a template leaves the end of a turn to the next message (TRL 5988, 1623)', () => {
  const source =
    "{% for m in messages %}{% if not loop.first %}<|end|>{% endif %}{{ m.role + ':' + m.content }}{% endfor %}" +
    '{% if add_generation_prompt %}<|end|>assistant:{% endif %}';
  const template = made(source);
  expect([template.stop, template.marksEnd]).toEqual([['<|end|>user:'], false]);
  expect(shown(template, user('a'), assistant('b'), user('c'), assistant('d'))).toEqual([
    '‹<|plamo:bos|>›user:a<|end|>assistant:⟦b⟧<|end|>user:c<|end|>assistant:⟦d‹<|plamo:eos|>›⟧',
  ]);
});

it('keeps blanks between header and answer on the side on which the model meets them (TRL 4201)', () => {
  const before = made(
    "{% for m in messages %}{{ '[INST] ' + m.content + ' [/INST] ' if m.role == 'user' else m.content + eos_token }}{% endfor %}",
  );
  const after = made(
    "{% for m in messages %}{{ '[INST] ' + m.content + ' [/INST]' if m.role == 'user' else ' ' + m.content + eos_token }}{% endfor %}",
  );
  expect(shown(before, user('a'), assistant('b'))).toEqual(['‹<|plamo:bos|>›[INST] a [/INST] ⟦b‹<|plamo:eos|>›⟧']);
  expect(shown(after, user('a'), assistant('b'))).toEqual(['‹<|plamo:bos|>›[INST] a [/INST]⟦ b‹<|plamo:eos|>›⟧']);
});

it('tokenizes a prompt in itself, where a piece would reach from the header into the answer', () => {
  // Pieces of the vocabulary that begin with a line break do not swallow the one that ends the header.
  const joined = tokenizer.vocabulary.pieces
    .filter(({ text, type }) => type === 'NORMAL' && /^\n\S/.test(text))
    .map(({ text }) => text.slice(1));
  const answers = [...joined.slice(0, 20), '　', ' ', '\nあ', '。'];
  for (const answer of answers) {
    const messages = [user('a'), assistant(`${answer}x`)];
    const { ids, learned } = examplesOf(chatml, ...messages)[0]!;
    const prompt = encodePrompt(chatml, tokenizer, { messages: messages.slice(0, 1) });
    expect([...ids.subarray(0, prompt.length)]).toEqual(prompt);
    expect(learned.indexOf(1)).toBe(prompt.length);
  }
});

it('refuses a generation prompt that closes a thought which the answer holds open (MaxText 5013)', () => {
  const source =
    "{% for m in messages %}{{ m.role + '\\n' }}{% if m.thought %}{{ '<think>' + m.thought + '</think>' }}{% endif %}{{ m.content + '\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ 'assistant\\n<think></think>' }}{% endif %}";
  expect(() => examplesOf(made(source), user('a'), { ...assistant('b'), thought: 'うーん' })).toThrow(
    'shows a model "tant\\n<think></think>" before message 2, but has "tant\\n<think>うーん</think>b" there with it',
  );
});

it('never cuts within an answer, nor loses the mask of one that was cut (Transformers 34494)', () => {
  const [whole] = examplesOf(chatml, user('a'), assistant('b'), user('c'), assistant('猫'.repeat(30)));
  for (let most = 1; most <= whole!.ids.length; most++) {
    const cut = cutExample(whole!, most);
    if (!cut) continue;
    expect(cut.learned.at(-1)).toBe(1);
    expect(tokenizer.decode(cut.ids)).toMatch(/<\|im_end\|>\n$/);
  }
});

it.each<[string, object, typeof loadExamples | typeof loadPairs | typeof loadRated]>([
  ['completion', { prompt: 'a', completion: 'b' }, loadExamples],
  ['preference', { prompt: 'a', chosen: 'b', rejected: 'c' }, loadPairs],
  ['rated', { prompt: 'a', completion: 'b', label: true }, loadRated],
])(
  'never drops the words of a system, nor tools, beside a %s of texts, which no template writes',
  async (_, row, load) => {
    using folder = temporaryFolder();
    const reading = (more: object) => {
      writeFileSync(folder.at('rows.jsonl'), JSON.stringify({ ...row, ...more }));
      return load([folder.at('rows.jsonl')], { template: chatml, tokenizer });
    };
    for (const empty of [{}, { system: '' }, { system: null, tools: [] }, { tools: '' }])
      expect((await reading(empty)).examples.length).toBe(1);
    await expect(reading({ system: '短く。' })).rejects.toThrow(
      'row 1: prompt should be messages, as there is "system", which a text has no place for, but is "a"',
    );
    await expect(reading({ tools: [{ name: 'f' }] })).rejects.toThrow('as there is "tools"');
  },
);

it('learns no answer that says nothing, which would teach to end at once (OpenRLHF 352)', () => {
  const [text] = shown(chatml, user('a'), assistant(''), user('c'), assistant('d'));
  expect(text!.match(/⟦[^⟧]*⟧/g)).toEqual(['⟦d<|im_end|>⏎⟧']);
});
