// The engine as a backend: the contract, and its answers against one-by-one generation and scoring.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { generateText, loadModel, tokenLogprobs } from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { type Message, plainTemplate, type RenderOptions } from '../../text/index.ts';
import { requestKey } from '../answer-cache.ts';
import { answersOf, backendSuite, generate } from '../backend.testing.ts';
import type { ChoicesAnswer, GenerateAnswer, Request, RollingAnswer } from '../request.ts';
import { engineBackend, openEngine } from './engine.ts';

const tiny = new TinyModel();
afterAll(() => tiny[Symbol.dispose]());

backendSuite('the engine', { open: async () => openEngine(tiny.folder) });

const examples = '問：山と川の名前は。答え：犬と鳥。\n'.repeat(6);

describe('the engine', () => {
  it('writes the texts that generateText writes one by one', async () => {
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    await using backend = engineBackend({ model, tokenizer, name: 'tiny', fingerprint: 'x' }, { slots: 3 });
    const settings = [
      {},
      { temperature: 1, seed: 3 },
      { temperature: 1, seed: 4, topP: 0.8, stop: ['犬', 'の'] },
      { maxTokens: 40, stop: ['。'] },
    ];
    // Some with a beginning in common, which is read once.
    const requests = settings.flatMap((more) => ['猫', `${examples}猫`, `${examples}山`].map((p) => generate(p, more)));
    const answers = (await answersOf(backend, requests)) as GenerateAnswer[];
    for (const [i, { kind: _kind, prompt, ...options }] of requests.entries()) {
      const ids: number[] = [];
      const pieces = generateText(model, tokenizer, prompt as string, {
        ...options,
        onId: (id) => ids.push(id),
      });
      let text = '';
      let next = pieces.next();
      for (; !next.done; next = pieces.next()) text += next.value;
      const read = tokenizer.encode(prompt as string, { addBos: true, safe: true }).length;
      expect(answers[i]).toEqual({ text, finish: next.value, tokens: ids.length, read });
    }
  });

  it('gives choices the sum of their tokens’ log-probabilities', async () => {
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    await using backend = engineBackend({ model, tokenizer, name: 'tiny', fingerprint: 'x' }, { tokens: 64 });
    const choices = ['猫', '犬', '猫と犬', '🐈', '<|plamo:eos|>'];
    const requests: Request[] = ['', '山の', `${examples}山`, `${examples}川`].map((prompt) => ({
      kind: 'choices',
      prompt,
      choices,
    }));
    const answers = (await answersOf(backend, requests)) as ChoicesAnswer[];
    for (const [i, request] of requests.entries())
      for (const [k, choice] of choices.entries()) {
        const prompt = tokenizer.encode((request as { prompt: string }).prompt, { addBos: true, safe: true });
        const own = tokenizer.encode(choice, { safe: true });
        const logprobs = tokenLogprobs(model, [...prompt, ...own]).subarray(prompt.length - 1);
        const expected = logprobs.reduce((sum, logprob) => sum + logprob, 0);
        expect(Math.abs(answers[i]!.logprobs[k]! - expected)).toBeLessThan(1e-4);
        expect(answers[i]!.tokens[k]).toBe(own.length);
      }
    await expect(answersOf(backend, [{ kind: 'choices', prompt: '猫', choices: ['a', ''] }])).rejects.toThrow(
      'an empty choice cannot be scored',
    );
  });

  it('scores texts from BOS on, in pieces when they are long', async () => {
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    const text = `吾輩は🐈である。${examples}`;
    const ids = tokenizer.encode(text, { addBos: true, safe: true });
    const logprobs = tokenLogprobs(model, ids);
    const nats = (from: number, to: number) => -logprobs.subarray(from, to).reduce((sum, each) => sum + each, 0);
    for (const tokens of [4096, 20]) {
      await using backend = engineBackend({ model, tokenizer, name: 'tiny', fingerprint: 'x' }, { tokens });
      const edges = [4, 5, 50];
      const requests: Request[] = [
        { kind: 'rolling', text, edges },
        { kind: 'rolling', text },
      ];
      const [bins, whole] = (await answersOf(backend, requests)) as RollingAnswer[];
      expect(bins!.nats).toHaveLength(3);
      for (const [i, edge] of edges.entries())
        expect(Math.abs(bins!.nats[i]! - nats(edges[i - 1] ?? 0, edge))).toBeLessThan(1e-4);
      // The cat is four bytes, tokens 3 to 6: it is complete with the last.
      expect(bins!.characters.slice(0, 2)).toEqual([3, 0]);
      expect(whole).toMatchObject({ tokens: [ids.length - 1], characters: [[...text].length] });
      expect(Math.abs(whole!.nats[0]! - nats(0, ids.length - 1)) / whole!.nats[0]!).toBeLessThan(1e-5);
    }
  });

  it('computes in float64 when asked, to the last digits', async () => {
    await using backend = await openEngine(tiny.folder, { dtype: 'float64' });
    using model = loadModel(tiny.folder, { dtype: 'float64' });
    const tokenizer = tiny.loadTokenizer();
    expect(backend.settings['dtype']).toBe('float64');
    const texts = ['猫', `${examples}猫`, `${examples}山`];
    const requests: Request[] = texts.flatMap((prompt) => [
      generate(prompt, { maxTokens: 20 }),
      { kind: 'choices', prompt, choices: ['犬と', '鳥'] },
    ]);
    const answers = await answersOf(backend, requests);
    for (const [i, prompt] of texts.entries()) {
      const { text } = answers[2 * i] as GenerateAnswer;
      expect(text).toBe([...generateText(model, tokenizer, prompt, { maxTokens: 20 })].join(''));
      const ids = tokenizer.encode(prompt, { addBos: true, safe: true });
      const choice = tokenizer.encode('犬と', { safe: true });
      const exact = tokenLogprobs(model, [...ids, ...choice]).subarray(ids.length - 1);
      const { logprobs } = answers[2 * i + 1] as ChoicesAnswer;
      expect(Math.abs(logprobs[0]! - exact.reduce((sum, each) => sum + each, 0))).toBeLessThan(1e-10);
    }
  });

  it('says what it will read and write', async () => {
    await using backend = await openEngine(tiny.folder);
    expect(backend.weigh!(generate('吾輩は', { maxTokens: 7 }))).toEqual({ read: 4, write: 7 });
    expect(backend.weigh!({ kind: 'choices', prompt: '吾輩は', choices: ['猫', '犬', '猫と犬'] }).read).toBe(6);
    expect(backend.weigh!({ kind: 'rolling', text: '吾輩は猫' }).read).toBe(4);
    expect(backend.countTokens!('吾輩は')).toBe(3);
  });

  it('writes a conversation as a plain instruction, which is named in its settings', async () => {
    const text = '短く。\n\n### 指示:\n猫は?\n\n### 応答:\nはい\n\n### 指示:\n犬は?\n\n### 応答:\n';
    const prompt = [
      { role: 'system', content: '短く。' },
      { role: 'user', content: '猫は?' },
      { role: 'assistant', content: 'はい' },
      { role: 'user', content: '犬は?' },
    ] as const;
    expect(plainTemplate.render(prompt, { addGenerationPrompt: true })).toBe(text);
    await using backend = await openEngine(tiny.folder);
    expect(backend.settings).toMatchObject({ template: plainTemplate.name, dtype: 'float32', device: 'cpu' });
    const [chat, plain] = await answersOf(backend, [{ ...generate(''), prompt }, generate(text)]);
    expect(chat).toEqual(plain);
  });

  it('ends an answer where its template says that another turn begins', async () => {
    using model = tiny.load();
    const loaded = { model, tokenizer: tiny.loadTokenizer(), name: 'tiny', fingerprint: 'x' };
    const prompt = [{ role: 'user', content: '猫は?' }] as const;
    const ask = async (stop: string[]) => {
      await using backend = engineBackend(loaded, { template: { ...plainTemplate, stop } });
      return (await answersOf(backend, [{ ...generate(''), prompt }]))[0] as GenerateAnswer;
    };
    const whole = await ask([]);
    const turn = [...whole.text][3]!;
    expect(await ask([turn])).toMatchObject({ text: whole.text.slice(0, whole.text.indexOf(turn)), finish: 'stop' });
  });

  it('gives no answer from weights that were changed in their file meanwhile', async () => {
    using model = new TinyModel(3);
    await using backend = await openEngine(model.folder);
    const request = { kind: 'rolling', text: '吾輩は猫である。' } as const;
    expect(await answersOf(backend, [request])).toHaveLength(1);
    const file = join(model.folder, 'model.safetensors');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes); // touched
    expect(await answersOf(backend, [request])).toHaveLength(1);
    bytes.writeUInt8(bytes.at(-2)! ^ 1, bytes.length - 2);
    writeFileSync(file, bytes);
    const answers: unknown[] = [];
    const asking = backend.answer([request], (_, answer) => answers.push(answer));
    await expect(asking).rejects.toMatchObject({ code: 'model-changed' });
    expect(answers).toEqual([]);
  });

  it('tells a chat template that was changed from the one of its name', async () => {
    const hashes = [
      plainTemplate,
      { ...plainTemplate, stop: [] },
      ...['system', 'assistant'].map((other) => ({
        ...plainTemplate,
        render: (messages: readonly Message[], options: RenderOptions) =>
          plainTemplate.render(
            messages.map((each) => (each.role === other ? { ...each, content: `${each.content}!` } : each)),
            options,
          ),
      })),
      {
        ...plainTemplate,
        render: (messages: readonly Message[], options: RenderOptions) => `${plainTemplate.render(messages, options)} `,
      },
    ].map(async (template) => {
      await using backend = await openEngine(tiny.folder, { template });
      expect(backend.settings['template']).toBe(plainTemplate.name);
      return requestKey(backend, generate('猫'));
    });
    expect(new Set(await Promise.all(hashes)).size).toBe(5);
  });

  it('tells models apart by their content', async () => {
    using other = new TinyModel(2);
    await using a = await openEngine(tiny.folder);
    await using b = await openEngine(tiny.folder);
    await using c = await openEngine(other.folder);
    expect(a.fingerprint).toBe(b.fingerprint);
    expect(a.fingerprint).not.toBe(c.fingerprint);
  });
});
