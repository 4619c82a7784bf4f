// GGUF files in llama.cpp against the engine: the same weights must give the same answers. The library is large and not among the
// dependencies; where it is not found, what needs it is skipped. TSUMUGI_NODE_LLAMA_CPP may name its folder.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { requires } from '../../../../../tests/requires.testing.ts';
import {
  GgufModel,
  initialWeights,
  type LlamaLibrary,
  Plamo2,
  type Plamo2Config,
  parseConfig,
  preset,
  tokenLogprobs,
} from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { namedParameters, tensorAt } from '../../nn/index.ts';
import { renderGguf, type Typed, writeGguf } from '../../store/gguf/gguf.testing.ts';
import { readGguf } from '../../store/gguf/index.ts';
import { openSafetensors } from '../../store/index.ts';
import {
  byteText,
  encodePrompt,
  jinjaTemplate,
  type Message,
  type Piece,
  SPECIAL_NAMES,
  Tokenizer,
  templateHash,
  templateTokens,
} from '../../text/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { answersOf, backendSuite, generate } from '../backend.testing.ts';
import type { ChoicesAnswer, GenerateAnswer, Request, RollingAnswer } from '../request.ts';
import { engineBackend } from './engine.ts';
import { plamo2Gguf } from './gguf.testing.ts';
import { type GgufOptions, ggufBackend } from './gguf.ts';
import { checkGguf, endsText } from './gguf-check.ts';

const place = process.env.TSUMUGI_NODE_LLAMA_CPP;
const installed = place === undefined ? 'node-llama-cpp' : pathToFileURL(join(place, 'dist/index.js')).href;
const library: LlamaLibrary | undefined = await import(/* @vite-ignore */ installed).catch(() => undefined);
const llamaCpp = requires(library, 'node-llama-cpp is neither installed nor named by TSUMUGI_NODE_LLAMA_CPP');

const fixtures = golden('plamo2');

const home = mkdtempSync(join(tmpdir(), 'tsumugi-gguf-'));
afterAll(() => rmSync(home, { recursive: true }));

const special: Piece[] = [
  { text: SPECIAL_NAMES.unk, score: 0, type: 'UNKNOWN' },
  ...[SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad, SPECIAL_NAMES.op].map(
    (text): Piece => ({ text, score: 0, type: 'CONTROL' }),
  ),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
];

const weightOf = (tensor: Tensor) => ({ shape: tensor.shape, data: Float32Array.from(tensor.data() as Float32Array) });

/** Full attention, as llama.cpp knows no window. */
const config = (vocab_size: number): Plamo2Config =>
  preset('mini', {
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    hidden_size_per_head: 16,
    mamba_num_heads: 2,
    mamba_d_state: 8,
    mamba_chunk_size: 16,
    attention_window_size: 4096,
    vocab_size,
  });

/** A model with weights large enough for its predictions to differ from token to token. */
function randomModel(vocabulary: number): Plamo2 {
  const model = new Plamo2(config(vocabulary), initialWeights(3));
  noGrad(() => scope(() => tensorAt(model, 'model.embed_tokens.weight').mul_(20)));
  return model;
}

function fileOf(name: string, model: Plamo2, pieces: readonly Piece[], changes: Record<string, Typed> = {}): string {
  const weights = new Map(namedParameters(model));
  const { metadata, tensors } = plamo2Gguf(model.config, (path) => weightOf(weights.get(path)!), pieces);
  const path = join(home, `${name}.gguf`);
  writeGguf(path, { ...metadata, ...changes }, tensors);
  return path;
}

const tiny = new TinyModel();
const { pieces } = tiny.loadTokenizer().vocabulary;
tiny[Symbol.dispose]();
const tokenizer = Tokenizer.fromPieces(pieces);

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a).toHaveLength(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
};

describe('llama.cpp and the engine agree on log-probabilities', llamaCpp, () => {
  // The window of "samba" lets a token see itself and 8 before it; llama.cpp has none.
  it.each([
    ['full-attention', Number.POSITIVE_INFINITY],
    ['samba', 9],
  ])('of the golden model %s', async (name, longest) => {
    const folder = join(fixtures, name);
    const config = parseConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
    const weights = openSafetensors(join(folder, 'model.safetensors'));
    const { metadata, tensors } = plamo2Gguf(config, (path) => scope(() => weightOf(weights.tensor(path))), special);
    const path = join(home, `${name}.gguf`);
    writeGguf(path, metadata, tensors);
    const [ids, ours] = scope(() => {
      const all = [...(openSafetensors(join(folder, 'expected.safetensors')).tensor('ids').data() as Int32Array)];
      const ids = all.slice(0, longest);
      using model = new Plamo2(config, (path) => weights.tensor(path).clone());
      return [ids, tokenLogprobs(model, ids)] as const;
    });
    await using model = await GgufModel.open(library!, path, {
      contextSize: 256,
      vocabularySize: config.vocab_size,
      threads: 1,
    });
    expect(largest(await model.logprobs(ids), ours)).toBeLessThan(2e-5);
    const sums = await model.continuationLogprobs(ids.slice(0, 4), [ids.slice(4), [ids[4]!], ids.slice(4, 6)]);
    const sum = (from: number, to?: number) => ours.slice(from, to).reduce((a, b) => a + b, 0);
    expect(largest(sums, [sum(3), sum(3, 4), sum(3, 5)])).toBeLessThan(5e-5);
  });
});

describe('a GGUF file', llamaCpp, () => {
  const open = (file: string, changes: Partial<GgufOptions> = {}) =>
    ggufBackend({ file, contextSize: 512, threads: 1, library, ...changes });

  async function both(requests: readonly Request[]) {
    using model = randomModel(pieces.length);
    await using engine = engineBackend({ model, tokenizer, name: 'random', fingerprint: 'x' });
    await using gguf = await open(fileOf('both', model, pieces));
    return { expected: await answersOf(engine, requests), actual: await answersOf(gguf, requests) };
  }

  backendSuite('a GGUF', {
    open: async () => {
      using model = randomModel(pieces.length);
      return open(fileOf('suite', model, pieces));
    },
  });

  it('gives choices the probabilities that the engine gives them', async () => {
    const choices = ['猫', '犬と鳥', '🐈', '<|plamo:eos|>', '\ufeff猫'];
    const requests: Request[] = ['', '吾輩は', '<|plamo:op|>山'].map((prompt) => ({
      kind: 'choices',
      prompt,
      choices,
    }));
    const { expected, actual } = await both(requests);
    for (const [i, answer] of (actual as ChoicesAnswer[]).entries()) {
      const { logprobs, tokens } = expected[i] as ChoicesAnswer;
      expect(largest(answer.logprobs, logprobs)).toBeLessThan(5e-5);
      expect(answer.tokens).toEqual(tokens);
    }
  });

  it('measures texts as the engine does, in bins that cut characters', async () => {
    const text = `吾輩は🐈である。\n${'名前は、まだない。'.repeat(5)}`;
    const requests: Request[] = [
      { kind: 'rolling', text },
      { kind: 'rolling', text, edges: [0, 4, 5, 7, 20, 900] },
      { kind: 'rolling', text: 'a\ud800b', edges: [2, 9] },
      { kind: 'rolling', text, edges: [] },
    ];
    const { expected, actual } = await both(requests);
    for (const [i, answer] of (actual as RollingAnswer[]).entries()) {
      const { nats, tokens, characters } = expected[i] as RollingAnswer;
      if (nats.length > 0) expect(largest(answer.nats, nats)).toBeLessThan(5e-5);
      expect([answer.tokens, answer.characters]).toEqual([tokens, characters]);
    }
  });

  it('writes greedily what the engine writes, in text and in conversation', async () => {
    const conversation = [
      { role: 'system', content: '短く。' },
      { role: 'user', content: '猫は?' },
      { role: 'assistant', content: '犬' },
      { role: 'user', content: '鳥は?' },
    ] as const;
    const { expected, actual } = await both([
      generate('吾輩は', { maxTokens: 40 }),
      generate('', { maxTokens: 12 }),
      generate('山', { maxTokens: 40, stop: ['、', 'の', 'は'] }),
      { ...generate(''), prompt: conversation },
    ]);
    expect(actual).toEqual(expected);
    expect((actual[0] as GenerateAnswer).text).not.toBe('');
  });

  it('is asked in messages by the file’s own template, with what they spell kept apart', async () => {
    using model = randomModel(pieces.length);
    const template =
      "{{ bos_token }}{% for m in messages %}{{ '<|plamo:op|>' + m.role + '\\n' + m.content }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<|plamo:op|>assistant\\n' }}{% endif %}";
    const file = fileOf('template', model, pieces, { 'tokenizer.chat_template': { string: template } });
    await using backend = await open(file);
    expect(backend.chat).toBe(true);
    const ids = (text: string) => tokenizer.encode(text, { safe: true });
    const { opId, bosId } = tokenizer;
    const [weighed] = [backend.weigh!({ ...generate(''), prompt: [{ role: 'user', content: '猫<|plamo:op|>' }] })];
    expect(weighed.read).toBe([bosId, opId, ...ids('user\n猫<|plamo:op|>'), opId, ...ids('assistant\n')].length);
    const own = jinjaTemplate({ name: 'model', source: template, tokens: templateTokens(tokenizer) });
    expect(backend.settings).toMatchObject({ template: 'the file’s own', templateHash: templateHash(own) });
    const history: Message[] = [
      { role: 'user', content: '猫' },
      { role: 'assistant', content: '犬' },
      { role: 'user', content: '山' },
    ];
    const trained = encodePrompt(own, tokenizer, { messages: history });
    expect(backend.weigh!({ ...generate(''), prompt: history }).read).toBe(trained.length);
    const [answer] = await answersOf(backend, [{ ...generate(''), prompt: [{ role: 'user', content: '猫' }] }]);
    expect((answer as GenerateAnswer).tokens).toBeGreaterThan(0);
  });

  it('refuses what does not fit, naming the request and the context it needs', async () => {
    using model = randomModel(pieces.length);
    await using backend = await open(fileOf('short', model, pieces), { contextSize: 256 });
    const long = '猫'.repeat(250);
    const ask = (request: Request) => answersOf(backend, [generate('猫', { maxTokens: 1 }), request]);
    await expect(ask(generate(long, { maxTokens: 6 }))).rejects.toThrow(/request 2 \(generate\) takes 256 tokens/);
    await expect(ask({ kind: 'rolling', text: long + long })).rejects.toMatchObject({
      code: 'too-long',
      remedy: 'Give it a larger context: --context-size 501.',
    });
    await expect(ask({ kind: 'choices', prompt: long, choices: [long] })).rejects.toMatchObject({ code: 'too-long' });
    await expect(ask({ kind: 'choices', prompt: long, choices: [''] })).rejects.toMatchObject({ code: 'empty-choice' });
    expect(await ask(generate(long, { maxTokens: 5 }))).toHaveLength(2);
  });

  it('must hold numbers, and be whole', async () => {
    using model = randomModel(pieces.length);
    const file = fileOf('whole', model, pieces);
    const bytes = readFileSync(file);
    const cut = join(home, 'cut.gguf');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 5000));
    await expect(open(cut)).rejects.toMatchObject({ code: 'gguf-load', fields: { path: cut } });
    noGrad(() => scope(() => model.model.norm.weight.fill_(Number.NaN)));
    await expect(open(fileOf('nan', model, pieces))).rejects.toMatchObject({ code: 'gguf-numbers' });
  });
});

describe('before llama.cpp sees it, a file', () => {
  const metadata: Record<string, Typed> = {
    'general.architecture': { string: 'plamo2' },
    'plamo2.attention.head_count': { i32s: [4, 4] },
    'plamo2.attention.head_count_kv': { i32s: [0, 2] },
    'tokenizer.ggml.tokens': { strings: special.map(({ text }) => text) },
    'tokenizer.ggml.scores': { f32s: special.map(() => 0) },
    'tokenizer.ggml.token_type': {
      i32s: special.map(({ type }) => ({ UNKNOWN: 2, CONTROL: 3, BYTE: 6, NORMAL: 1 })[type]),
    },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
    'tokenizer.ggml.eot_token_id': { u32: 300 },
  };
  const write = (changes: Record<string, Typed>, tensors = 1) => {
    const path = join(home, 'header.gguf');
    const data = { name: 'w', shape: [1], data: Float32Array.of(1) };
    writeGguf(path, { ...metadata, ...changes }, Array(tensors).fill(data));
    return path;
  };

  it.each<[string, Record<string, Typed>, string, RegExp]>([
    [
      'with layers of no heads',
      { 'plamo2.attention.head_count': { i32s: [0, 4] } },
      'gguf-head-count',
      /never answers[\s\S]*head_count_kv stays 0/,
    ],
    ['in parts', { 'split.count': { u32: 3 } }, 'split-gguf', /one of 3 files/],
    ['without a vocabulary', { 'tokenizer.ggml.tokens': { strings: [] } }, 'no-gguf-model', /no language model/],
    [
      'with a byte that is none',
      { 'tokenizer.ggml.tokens': { strings: special.map(({ text }, i) => (i === 5 ? '<0x-1>' : text)) } },
      'tokenizer-piece',
      /<0x-1>/,
    ],
  ])('%s is refused', async (_, changes, code, message) => {
    const error: unknown = await ggufBackend({ file: write(changes) }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('ends texts where it says so, and not with a piece that looks like an end', () => {
    const checked = checkGguf(readGguf(write({})));
    expect([1, 2, 4, 300, 100].map((token) => endsText(checked, token))).toEqual([true, true, true, true, false]);
  });

  const absent = requires(!library || place !== undefined, 'node-llama-cpp is installed, so nothing asks for it');
  it('asks for the library where it is missing', absent, async () => {
    await expect(ggufBackend({ file: write({}) })).rejects.toMatchObject({
      code: 'no-llama-cpp',
      remedy: 'npm install node-llama-cpp@3.22.1',
    });
  });

  it('must be a GGUF', async () => {
    await expect(ggufBackend({ file: fileURLToPath(import.meta.url) })).rejects.toMatchObject({ code: 'bad-gguf' });
    expect(renderGguf({}).subarray(0, 4).toString()).toBe('GGUF');
  });
});
