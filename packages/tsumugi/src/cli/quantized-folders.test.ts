// A folder in few bits in every command: what reads models takes it as any other, what makes models of models refuses it by name.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../base/index.ts';
import { loadGgufModel } from '../compress/index.ts';
import { loadModel, type Plamo2, type QuantizedLinear, tokenLogprobs } from '../lm/index.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { moduleAt, tensorAt } from '../nn/index.ts';
import { scope } from '../torch/index.ts';
import { runCli } from './cli.testing.ts';

let home: string;
let tiny: TinyModel;
const at = (...names: string[]) => join(home, ...names);
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-quantized-'));
  tiny = new TinyModel(1);
  writeFileSync(at('text.txt'), '吾輩は猫である。名前はまだ無い。\n'.repeat(20));
  writeFileSync(
    at('merge.yml'),
    'merge_method: linear\nmodels: [{ model: few }, { model: few }]\nparameters: { weight: 1 }\n',
  );
  const { code } = await runCli([
    'quantize',
    '--model',
    tiny.folder,
    '--out',
    at('few'),
    '--bits',
    '8',
    '--group-size',
    '16',
  ]);
  expect(code).toBe(0);
});
afterAll(() => {
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});

it('is made as the options say', async () => {
  const words = ['quantize', '--model', tiny.folder, '--out', at('options'), '--plan', '--json'];
  const plan = async (...more: string[]) => JSON.parse((await runCli([...words, ...more])).stdout);
  // A scale and a zero point for each group: more of them in groups of half the size.
  const sixteens = await plan('--group-size', '16');
  expect((await plan('--group-size', '8')).bytes).toBeGreaterThan(sixteens.bytes);
  const text = ['--text', at('text.txt')];
  expect(await plan('--group-size', '16', '--method', 'gptq', ...text)).toMatchObject({ method: 'gptq' });
  const chosen = await plan('--group-size', '16', '--target-bits', '11.5', ...text);
  expect(chosen).toMatchObject({ bitsPerWeight: 11.5, kinds: { qkv_proj: 'mixed' } });
});

it('is compared on a text, which has no effect where nothing is', async () => {
  const words = ['quantize', '--model', tiny.folder, '--group-size', '16', '--text', at('text.txt')];
  const { code, stdout } = await runCli([...words, '--out', at('told')]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/on the text, \d+ tokens: mean .* bits per character before, .* after\n/),
  ]);
  const { code: refused, stderr } = await runCli([...words, '--no-gate', '--out', at('untold')]);
  expect([refused, stderr]).toEqual([2, expect.stringContaining('--text has no effect: rtn needs no text')]);
});

describe('a folder in few bits', () => {
  it('scores close to the model it was made from', async () => {
    const input = '{"ids":[1,270,280,290]}\n';
    const logprobs = async (model: string) => {
      const { code, stdout } = await runCli(['score', '--model', model], input);
      expect(code).toBe(0);
      return (JSON.parse(stdout) as { logprobs: number[] }).logprobs;
    };
    const [few, whole] = [await logprobs(at('few')), await logprobs(tiny.folder)];
    for (const [i, value] of whole.entries()) expect(Math.abs(few[i]! - value)).toBeLessThan(0.02);
    expect(few).not.toEqual(whole);
  });

  it.each([
    ['generate', () => ['generate', '--prompt', '吾輩は', '--max-tokens', '4']],
    ['eval', () => ['eval', 'text', '--text', at('text.txt')]],
  ])('is read by %s', async (_, words) => {
    const { code, stdout } = await runCli([...words(), '--model', at('few'), '--json']);
    expect([code, stdout.startsWith('{')]).toEqual([0, true]);
  });

  it('is written as GGUF, from the weights that it has', async () => {
    const words = ['export', '--model', at('few'), '--format', 'gguf', '--type', 'F32', '--out', at('few.gguf')];
    const { code, stderr } = await runCli([...words, '--no-gate']);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    using model = loadModel(at('few'));
    using back = loadGgufModel(at('few.gguf'));
    const matrix = 'model.layers.layers.0.mixer.in_proj';
    scope(() => {
      const weight = (moduleAt(model, matrix) as QuantizedLinear).dequantized();
      expect(tensorAt(back, `${matrix}.weight`).tolist()).toEqual(weight.tolist());
      using source = tiny.load();
      expect(tensorAt(source, `${matrix}.weight`).tolist()).not.toEqual(weight.tolist());
    });
    const score = (each: Plamo2) => [...tokenLogprobs(each, [1, 270, 280, 290])];
    const [ours, theirs] = [score(model), score(back)];
    for (const [i, value] of ours.entries()) expect(theirs[i]!).toBeCloseTo(value, 5);
  });

  it('teaches, and by logits kept on disk to the same bytes', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => `吾輩は${i}番目の猫である。名前はまだ${i * i}個しか無い。\n`);
    writeFileSync(at('lines.txt'), lines.join(''));
    const rows = ['topK=4', 'steps=2', 'sequenceLength=32', 'batchSize=2'].flatMap((set) => ['--set', set]);
    const done = async (...words: string[]) => expect(await runCli(words)).toMatchObject({ code: 0 });
    await done(
      ...['data', 'prepare', '--text', at('lines.txt'), '--document-characters', '200', '--held-out', '0.3'],
      ...['--tokenizer', tiny.folder, '--out', at('data')],
    );
    const student = ['--model', tiny.folder, '--data', at('data'), ...rows];
    await done('distill', '--teacher', at('few'), ...student, '--out', at('with'));
    await done('distill', 'logits', '--teacher', at('few'), '--data', at('data'), ...rows, '--out', at('logits'));
    await done('distill', '--set', `teacherLogits=${at('logits')}`, ...student, '--out', at('from'));
    const [a, b] = ['with', 'from'].map((name) => sha256File(at(name, 'model', 'model.safetensors')));
    expect(a).toBe(b);
    expect(a).not.toBe(sha256File(join(tiny.folder, 'model.safetensors')));
  });

  it.each([
    ['pruned', () => ['prune', '--model', at('few'), '--out', at('out'), '--set', 'intermediate_size=32']],
    ['grown', () => ['grow', '--model', at('few'), '--out', at('out'), '--set', 'intermediate_size=64']],
    ['merged', () => ['merge', '--config', at('merge.yml'), '--out', at('out')]],
    ['quantized again', () => ['quantize', '--model', at('few'), '--out', at('out')]],
  ])('is not %s', async (done, words) => {
    const { code, stderr } = await runCli(words());
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`few is quantized (gptq, 8 bits), so it cannot be ${done}`),
    ]);
    expect(readdirSync(home).filter((name) => name.startsWith('out'))).toEqual([]);
  });
});
