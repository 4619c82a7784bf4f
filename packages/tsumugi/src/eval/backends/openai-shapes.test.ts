// The shapes in which services give an answer: parts, reasoning, spellings.
import { afterEach, describe, expect, it } from 'vitest';
import type { GenerateAnswer } from '../request.ts';
import { Service } from './openai.testing.ts';
import { ask, generate, good, message, open } from './openai-world.testing.ts';

afterEach(() => Service.stopAll());

describe('the shapes of an answer', () => {
  const stream = (...chunks: unknown[]) =>
    `: keep-alive\n\n${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;

  it.each<[string, unknown, Partial<GenerateAnswer> & { text: string }]>([
    ['an error that is none beside it', { error: null, ...good }, { text: 'よい', finish: 'end' }],
    ['an error of nulls beside it', { error: { code: null, message: null }, ...good }, { text: 'よい' }],
    ['blank lines before it', `\n\n \n${JSON.stringify(good)}`, { text: 'よい' }],
    [
      'parts',
      message([
        { type: 'text', text: 'よ' },
        { type: 'output_text', text: 'い' },
      ]),
      { text: 'よい' },
    ],
    ['a part alone', message({ type: 'text', text: 'よい' }), { text: 'よい' }],
    ['texts for parts', message(['よ', 'い']), { text: 'よい' }],
    ['null', message(null), { text: '', finish: 'end' }],
    [
      'null with calls of tools',
      message(null, { tool_calls: [{ id: 1 }] }, { finish_reason: 'tool_calls' }),
      { text: '', finish: 'end' },
    ],
    [
      'null with reasoning alone',
      message(null, { reasoning: 'うーん' }, { finish_reason: 'length' }),
      { text: '', finish: 'length', reasoning: 'うーん' },
    ],
    ['no message text at all', { choices: [{ message: { role: 'assistant' } }] }, { text: '' }],
    [
      'another name for the limit',
      message('よ', {}, { finish_reason: 'MAX_TOKENS' }),
      { text: 'よ', finish: 'length' },
    ],
    [
      'more choices than one',
      {
        choices: [
          { index: 1, message: { content: '二' } },
          { index: 0, message: { content: '一' } },
        ],
      },
      { text: '一' },
    ],
    ['ids that are numbers', { id: 7, created: 'now', ...good, usage: null }, { text: 'よい' }],
    ['usage', { ...good, usage: { completion_tokens: 3 } }, { text: 'よい', tokens: 3 }],
    [
      'NaN somewhere',
      '{"choices":[{"message":{"content":"NaN, -Infinity"},"score":-Infinity}],"x":NaN}',
      { text: 'NaN, -Infinity' },
    ],
    ['thoughts', message('<think>うーん</think>\n\nよい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts twice', message('<think>一</think><think>二</think>よい'), { text: 'よい', reasoning: '一二' }],
    [
      'thoughts that do not end',
      message('<think>うーん', {}, { finish_reason: 'length' }),
      { text: '', finish: 'length', reasoning: 'うーん' },
    ],
    ['thoughts that began in the prompt', message('うーん</think>よい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts by another name', message('<Thinking>うーん</Thinking>よい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts in brackets', message('[THINK]うーん[/THINK]よい'), { text: 'よい', reasoning: 'うーん' }],
    ['thoughts in triangles', message('◁think▷うーん◁/think▷よい'), { text: 'よい', reasoning: 'うーん' }],
    [
      'thoughts in a tag of two words',
      message('<seed:think>うーん</seed:think>よい'),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'thoughts and answer marked',
      message('<|START_THINKING|>うーん<|END_THINKING|><|START_RESPONSE|>よい<|END_RESPONSE|>'),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'channels',
      message(
        '<|channel|>analysis<|message|>うー<|end|><|start|>assistant<|channel|>commentary<|message|>ん<|end|><|start|>assistant<|channel|>final<|message|>よい<|return|>',
      ),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'a channel that does not end',
      message('<|channel|>analysis<|message|>うーん', {}, { finish_reason: 'length' }),
      { text: '', finish: 'length', reasoning: 'うーん' },
    ],
    ['the last channel alone', message('<|channel|>final <|constrain|>json<|message|>よい'), { text: 'よい' }],
    ['brackets that are none', message('よい[THINK]'), { text: 'よい[THINK]' }],
    [
      'thoughts in a field',
      message('\n\nよい', { reasoning_content: 'うーん' }),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'thoughts in a part',
      message([
        { type: 'thinking', thinking: [{ type: 'text', text: 'うーん' }] },
        { type: 'text', text: 'よい' },
      ]),
      { text: 'よい', reasoning: 'うーん' },
    ],
    [
      'a tag that is spoken of',
      message('HTML に <think> という要素はない'),
      { text: 'HTML に <think> という要素はない' },
    ],
    [
      'a stream that nobody asked for',
      stream(
        { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
        { choices: [{ index: 0, delta: { reasoning_content: 'うー' } }] },
        { choices: [{ index: 0, delta: { reasoning_content: 'ん' } }] },
        { choices: [{ index: 0, delta: { content: 'よ' } }] },
        { choices: [{ index: 0, delta: { content: 'い' }, finish_reason: 'length' }] },
        { choices: [], usage: { completion_tokens: 9 } },
      ),
      { text: 'よい', finish: 'length', reasoning: 'うーん', tokens: 9 },
    ],
    [
      'a stream of texts',
      stream({ choices: [{ text: 'よ' }] }, { choices: [{ text: 'い', finish_reason: 'stop' }] }),
      { text: 'よい', finish: 'end' },
    ],
  ])('%s', async (_, body, expected) => {
    const service = await Service.start(() => [200, body]);
    const [answer] = (await ask(await open(service), [generate('x')])) as [GenerateAnswer];
    expect(answer).toMatchObject(expected);
    if (!('reasoning' in expected)) expect(answer.reasoning).toBeUndefined();
  });

  it.each([
    ['in the text', message('<think>うーん</think>\nよい'), '<think>うーん</think>\nよい'],
    ['in a field', message('よい', { reasoning: 'うーん' }), '<think>うーん</think>\nよい'],
  ])('reasoning %s is graded when it is to be', async (_, body, text) => {
    const backend = await open(await Service.start(() => [200, body]), { reasoning: 'keep' });
    expect(await ask(backend, [generate('x')])).toEqual([{ text, finish: 'end' }]);
    // Kept answers of the two settings are not mixed up.
    expect(backend.settings).toMatchObject({ reasoning: 'part of the text' });
  });

  it('a stop text that ends the reasoning is enforced on the answer instead', async () => {
    const whole = '<think>まず\n\n次に</think>\n\nよい\n\nわるい';
    const service = await Service.start((_path, body) => [
      200,
      message('stop' in body ? whole.split('\n\n')[0] : whole),
    ]);
    const [answer] = await ask(await open(service), [generate('x', { stop: ['\n\n'] })]);
    expect(answer).toMatchObject({ text: 'よい', finish: 'stop', reasoning: 'まず\n\n次に', leftOut: ['stop'] });
  });
});
