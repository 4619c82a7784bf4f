// recipes/finetune.ts: one command from a model and rows to a GGUF file, what its table says, and a person's mistakes.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { describeSettings } from '../packages/tsumugi/src/cli/describe-settings.ts';
import { loadRecipe } from '../packages/tsumugi/src/cli/recipes.ts';
import { Artefact } from '../packages/tsumugi/src/store/index.ts';
import { type DpoSetup, dpoSetup } from '../packages/tsumugi/src/train/preference/preference.testing.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await dpoSetup();
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

const steps = { steps: 2, sequenceLength: 128, batchSize: 4, evaluateEvery: 0 };
const small = Object.entries(steps).flatMap(([key, value]) =>
  ['sft', 'dpo'].flatMap((stage) => ['--set', `${stage}.${key}=${value}`]),
);
const given = (settings: Record<string, unknown>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const finetune = (settings: Record<string, unknown>, ...more: string[]) =>
  runCli(['run', 'finetune', ...small, ...given(settings), '--out', at('out'), ...more]);
const rows = () => ({ model: at('base'), data: at('rows.jsonl') });
type Stage = {
  name: string;
  files: string[];
  config: Record<string, unknown>;
  metrics: { name: string; value: number }[];
};
const stagesOf = (stdout: string): Stage[] => JSON.parse(stdout).stages;

it('goes from a model, rows and pairs to a merged model and a GGUF file', async () => {
  const { code, stdout, stderr } = await finetune({ ...rows(), pairs: at('pairs.jsonl') });
  expect(code, stderr).toBe(0);
  const table = stdout.split('\n\n')[0]!.split('\n');
  expect(table[0]).toMatch(/^ {2}stage +result +time +before → after +size$/);
  expect(table[1]).toMatch(/^ {2}sft +made +sft\/model +[\d.]+ m?s +\d\.\d{3} → \d\.\d{3} nats +[\d.]+ KiB$/);
  expect(table[2]).toMatch(/^ {2}dpo +made +dpo\/model +[\d.]+ m?s +[\d.]+ → [\d.]+ +[\d.]+ KiB$/);
  expect(table[3]).toMatch(/^ {2}export +made +export\/gguf\/model\.gguf +[\d.]+ m?s +[\d.]+ KiB$/);
  expect(table).toHaveLength(4);
  expect(existsSync(at('out', 'export', 'gguf', 'model.gguf'))).toBe(true);

  // Whole models in the base's own layout, each made from the one before it.
  const [base, tuned, preferred] = [at('base'), at('out', 'sft', 'model'), at('out', 'dpo', 'model')];
  const names = (model: string) => {
    using weights = new Artefact(model).weights();
    return [...weights.names].toSorted();
  };
  for (const model of [tuned, preferred]) {
    expect(names(model)).toEqual(names(base));
    const config = JSON.parse(readFileSync(join(model, 'tokenizer_config.json'), 'utf8'));
    expect(config.chat_template).toContain('### 応答:');
  }
  const again = await finetune({ ...rows(), pairs: at('pairs.jsonl') }, '--json');
  expect(JSON.parse(again.stdout).stages.map(({ state }: { state: string }) => state)).toEqual(
    Array(3).fill('unchanged'),
  );
  const [sft, dpo, file] = stagesOf(again.stdout);
  expect(file!.files).toEqual(['model.gguf']); // its lineage has times: not a part of what it is
  expect(sft!.config).toMatchObject({ lora: 16, learningRate: 2e-4 });
  expect(dpo!.config).toMatchObject({ lora: 16, learningRate: 5e-6 });
}, 120_000);

it('trains the whole model with lora=0, and leaves out what is not asked for', async () => {
  const stagesWith = async (settings: Record<string, unknown>) => {
    const { code, stdout, stderr } = await finetune({ ...rows(), ...settings }, '--json', '--plan');
    expect(code, stderr).toBe(0);
    return stagesOf(stdout);
  };
  const [whole, file] = await stagesWith({ lora: 0 });
  expect([whole!.config['lora'], whole!.config['learningRate'], file!.name]).toEqual([undefined, 2e-5, 'export']);
  const [ranked, ...others] = await stagesWith({ lora: 4, gguf: false, 'sft.learningRate': 0.003 });
  expect([ranked!.config['lora'], ranked!.config['learningRate'], others]).toEqual([4, 0.003, []]);
});

it.each([
  ['adapters', { 'sft.learningRate': 0.01 }, 0.5], // over weights that know nothing, among them the head
  ['the whole model', { lora: 0, 'sft.learningRate': 0.003 }, 2],
])(
  '%s learn',
  async (_, how, nats) => {
    const { code, stdout, stderr } = await finetune({ ...rows(), gguf: false, 'sft.steps': 60, ...how }, '--json');
    expect(code, stderr).toBe(0);
    const value = (name: string) => stagesOf(stdout)[0]!.metrics.find((metric) => metric.name === name)!.value;
    const loss = "held-out loss of an answer's token";
    expect(value(loss)).toBeLessThan(value(`${loss} before`) - nats);
  },
  120_000,
);

it.each<[string, Record<string, unknown>, RegExp]>([
  ['no model', { data: 'x' }, /error: .*model is missing\n.*Write --set model=…/],
  ['no data', { model: 'x' }, /error: .*data is missing\n.*Write --set data=…/],
  ['a model that is not there', { model: './none', data: 'x' }, /error: \.\/none does not exist/],
  ['rows that are not there', { model: 'BASE', data: './none.jsonl' }, /error: \.\/none\.jsonl does not exist/],
  [
    'a rank that is none',
    { model: 'BASE', data: 'ROWS', lora: -1 },
    /error: --set lora: expected at least 0, got "-1"/,
  ],
  [
    'a name of the hub without a network',
    { model: 'pfnet/plamo-2-1b', data: 'ROWS' },
    /error: there is no folder pfnet\/plamo-2-1b, and .* HF_HUB_OFFLINE is set\n {2}→ .*\n$/,
  ],
  ['settings of adapters without adapters', { model: 'BASE', data: 'ROWS', lora: 0, 'sft.loraAlpha': 8 }, /loraAlpha/],
])('a mistake ends with one sentence: %s', async (_, settings, message) => {
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  vi.stubEnv('HF_HOME', at('hub'));
  const real = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      value === 'BASE' ? at('base') : value === 'ROWS' ? at('rows.jsonl') : value,
    ]),
  );
  const there = readdirSync(setup.folder);
  const { code, stdout, stderr } = await runCli(['run', 'finetune', ...given(real), '--out', at('wrong')]);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
  expect(readdirSync(setup.folder)).toEqual(there);
});

it.each<[string, object, RegExp]>([
  [
    'a row that is none',
    { prompt: '犬は？', chosen: 'わん' },
    /row 2 has "prompt", "chosen", but the file is of the format preference/,
  ],
  ['a field of another kind', { prompt: 7, chosen: 'a', rejected: 'b' }, /row 2: prompt should be .* but is 7/],
  [
    'answers that are the same',
    { prompt: '犬は？', chosen: 'a', rejected: 'a' },
    /row 2: the chosen and the rejected answer are the same/,
  ],
  [
    'a pair longer than a row',
    { prompt: '犬は？'.repeat(999), chosen: 'a', rejected: 'b' },
    /row 2: a pair of [\d,]+ tokens is longer/,
  ],
  [
    'what the template of the first stage does not take',
    { prompt: [{ role: 'tool', content: '7' }], chosen: 'a', rejected: 'b' },
    /row 2: .*template/,
  ],
])('a bad row of pairs is told before anything is trained: %s', async (_, row, message) => {
  const file = at('対.jsonl');
  const good = { prompt: '猫は？', chosen: 'にゃあ', rejected: 'わん' };
  writeFileSync(file, `${JSON.stringify(good)}\n${JSON.stringify(row)}\n`);
  for (const more of [[], ['--plan']]) {
    const { code, stdout, stderr } = await finetune(
      { ...rows(), pairs: file, 'sft.template': 'instruction-ja', 'dpo.heldOut': 0.5 },
      '--out',
      at('wrong'),
      ...more,
    );
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(`stage "dpo": ${file}, `)]);
    expect(stderr).toMatch(message);
    expect(existsSync(at('wrong'))).toBe(false);
  }
});

const page = readPage('finetune.md');

it('has a page with every setting of its own', async () => {
  const { config } = await loadRecipe('finetune');
  const rows = describeSettings(config)
    .filter(([key]) => !key.includes('.'))
    .map(([key, text]) => `| \`${key}\` | ${text} |`);
  const lines = page.split('\n| setting | |\n')[1]!.split('\n');
  expect(lines.slice(1, lines.indexOf(''))).toEqual(rows);
});

const snippets = snippetsOf(page);
testPrograms(snippets);
