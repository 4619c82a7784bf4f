// The command line of growing: what it plans, writes and refuses.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { loadTokenizer } from '../lm/index.ts';
import { Artefact } from '../store/index.ts';
import { writeTokenizer } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

let small: SmallModels;
let tokenizer: string;
beforeAll(() => {
  small = new SmallModels();
  vi.stubEnv('XDG_CACHE_HOME', small.at('cache'));
  small.make('模型', 1); // 4 layers of width 32, 268 rows
  const { pieces } = loadTokenizer(small.at('模型')).vocabulary;
  tokenizer = small.at('字');
  mkdirSync(tokenizer);
  writeTokenizer(tokenizer, [...pieces, { text: '猫犬', score: -1, type: 'NORMAL' }]);
});
afterAll(() => {
  vi.unstubAllEnvs();
  small[Symbol.dispose]();
});

const grow = (out: string, ...more: string[]) =>
  runCli(['grow', '--model', small.at('模型'), '--out', small.at(out), ...more]);
const embedding = 'model.embed_tokens.weight';
const deeper = ['--set', 'num_hidden_layers=6'];

it('plans without writing, then writes what was planned', async () => {
  const planned = await grow('大きい', '--plan', ...deeper);
  expect([planned.code, planned.stderr]).toEqual([0, '']);
  expect(planned.stdout).toMatch(
    /^ {2}parameters +([\d.]+K) → ([\d.]+K)\n {2}pieces +268\n {2}FLOPs per token +.* → .*\n {2}time +about .*\n {2}memory +.* of .* available\n {2}disk +.* of .* available, in .*大きい\n$/,
  );
  expect(existsSync(small.at('大きい'))).toBe(false);
  const { code, stdout } = await grow('大きい', ...deeper);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[\d.]+K → [\d.]+K parameters in .* → .*大きい\n$/);
  const counts = /([\d.]+K → [\d.]+K)/;
  expect(counts.exec(stdout)![1]).toBe(counts.exec(planned.stdout)![1]);
  expect(new Artefact(small.at('大きい')).lineage()!.commit).toMatch(/^[0-9a-f]{40}\+?$/);
  const asked = ['--prompt', '猫', '--max-tokens', '3', '--json'];
  const answer = await runCli(['generate', '--model', small.at('大きい'), ...asked]);
  expect(JSON.parse(answer.stdout).ids).toHaveLength(3);
});

it('says the same as JSON, for the plan and for the result', async () => {
  const plan = JSON.parse((await grow('json', '--plan', '--json', ...deeper)).stdout);
  expect(plan).toMatchObject({ config: { num_hidden_layers: 6 }, out: small.at('json') });
  const result = JSON.parse((await grow('json', '--json', ...deeper)).stdout);
  expect(result).toMatchObject({ folder: small.at('json'), layers: [0, 1, 2, 3, 2, 3] });
  expect(result.parameters).toBe(plan.parameters);
  expect(result).not.toHaveProperty('lineage');
});

it('gives the model another tokenizer', async () => {
  const plan = await grow('新しい', '--plan', '--tokenizer', tokenizer);
  expect(plan.stdout).toContain('pieces           265\n');
  const { code, stdout } = await grow('新しい', '--tokenizer', join(tokenizer, 'tokenizer.jsonl'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^264 pieces keep their rows, 1 have means of them, 0 the mean of all\n/);
  const score = await runCli(['score', '--model', small.at('新しい')], '{"ids":[1,264,261]}\n');
  expect(JSON.parse(score.stdout).logprobs).toHaveLength(2);
  const [old, made] = [small.numbers('模型', embedding), small.numbers('新しい', embedding)];
  expect(made.slice(264 * 32)).toEqual(
    Array.from({ length: 32 }, (_, i) => Math.fround((old[261 * 32 + i]! + old[262 * 32 + i]!) / 2)),
  );
});

it('leaves alone what is in the way, and replaces a model that it wrote', async () => {
  mkdirSync(small.at('手紙'));
  writeFileSync(small.at('手紙', '猫.txt'), '吾輩は猫である');
  const refused = await grow('手紙', ...deeper);
  expect([refused.code, refused.stdout]).toEqual([2, '']);
  expect(refused.stderr).toContain('手紙');
  expect(readFileSync(small.at('手紙', '猫.txt'), 'utf8')).toBe('吾輩は猫である');
  cpSync(small.at('模型'), small.at('old'), { recursive: true });
  expect((await grow('old', ...deeper)).code).toBe(0);
  expect(new Artefact(small.at('old')).config()).toMatchObject({ num_hidden_layers: 6 });
});

it.each<[string[], string]>([
  [['--set', 'hidden_sise=64'], 'Did you mean "hidden_size"?'],
  [['--set', 'hidden_size=16'], 'Use "tsumugi prune" for a smaller one.'],
  [['--set', 'num_hidden_layers=5'], 'whole groups of 2'],
  [['--set', 'num_attention_heads=3'], '3 query heads are no whole groups of 2'],
  [['--set', 'depth=wide'], 'identity'],
  [[], 'nothing is added'],
  [['--tokenizer', 'nowhere/字'], 'nowhere/字'],
])('refuses %j in a sentence, with and without --plan', async (more, message) => {
  for (const plan of [[], ['--plan']]) {
    const { code, stdout, stderr } = await grow('refused', ...more, ...plan);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    expect(existsSync(small.at('refused'))).toBe(false);
  }
});

it('refuses tokenizers of other kinds, the one that the model has, and models that are none', async () => {
  mkdirSync(small.at('bpe'));
  writeFileSync(small.at('bpe', 'tokenizer.json'), '{"model":{"type":"BPE"}}');
  const cases = [
    [await grow('x', '--tokenizer', small.at('bpe')), 'holds a tokenizer of the Hugging Face tokenizers library'],
    [await grow('x', '--tokenizer', small.at('模型')), 'is the tokenizer that the model has'],
    [await runCli(['grow', '--model', small.at('手紙'), '--out', small.at('x'), ...deeper]), 'config.json'],
    [
      await runCli(['grow', '--model', small.at('模型'), '--out', small.at('模型'), ...deeper]),
      'is a model that is read',
    ],
  ] as const;
  for (const [{ code, stdout, stderr }, message] of cases) {
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  }
  expect(existsSync(small.at('x'))).toBe(false);
  expect(new Artefact(small.at('模型')).config()).toMatchObject({ num_hidden_layers: 4 });
});
