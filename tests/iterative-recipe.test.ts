// recipes/iterative-dpo.ts: a model learns from its own answers, round by round; killed anywhere, it ends with the same model; and a
// person's mistakes.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { RandomStream, sha256File } from '../packages/tsumugi/src/base/index.ts';
import { inTime, thorough } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { describeSettings } from '../packages/tsumugi/src/cli/describe-settings.ts';
import { addRewardHead, initialRewardHead, loadModel, saveRewardModel } from '../packages/tsumugi/src/lm/index.ts';
import { type RecipeReport, runRecipe } from '../packages/tsumugi/src/recipe/index.ts';
import { runAndSignal } from '../packages/tsumugi/src/run/kill.testing.ts';
import { pairsConfig } from '../packages/tsumugi/src/synth/index.ts';
import { type CopyingSetup, copyingSetup } from '../packages/tsumugi/src/synth/pairs/copying.testing.ts';
import { silent } from '../packages/tsumugi/src/train/train.testing.ts';
import recipe from '../recipes/iterative-dpo.ts';
import { readPage } from './snippets.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);

let setup: CopyingSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await copyingSetup();
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

const small = {
  pairs: { maxTokens: 4, pairsPerPrompt: 4 },
  dpo: { learningRate: 1e-3, sftWeight: 0.5, batchSize: 16, sequenceLength: 32, evaluateEvery: 0 },
};
const metricOf = ({ stages }: RecipeReport, stage: string, name: string) =>
  stages.find((each) => each.name === stage)!.metrics.find((each) => each.name === name)!.value!;

it('answers right more often, round by round', { timeout: 300_000 }, async () => {
  const gains: number[] = [];
  for (const seed of inTime([0], [0, 1, 2])) {
    using own = await copyingSetup(seed);
    const config = recipe.config.parse({
      model: own.at('base'),
      prompts: [own.at('prompts.jsonl')],
      rounds: 3,
      pairs: { ...small.pairs, seed: 100 * seed },
      dpo: { ...small.dpo, seed },
    });
    const { report } = await runRecipe(recipe, config, { out: own.at('runs'), stream: silent });
    const right = [1, 2, 3].map((round) => metricOf(report, `pairs-${round}`, 'pass@1'));
    // 800 answers: the standard error of each is below 0.018.
    expect(right[0], String(right)).toBeGreaterThan(0.3);
    expect(right[0], String(right)).toBeLessThan(0.6);
    expect(right[1]! - right[0]!, String(right)).toBeGreaterThan(0.12);
    expect(right[2]! - right[0]!, String(right)).toBeGreaterThan(0.2);
    expect(right[2], String(right)).toBeGreaterThan(right[1]!);
    gains.push(right[2]! - right[0]!);
  }
  expect(gains.reduce((a, b) => a + b) / gains.length, String(gains)).toBeGreaterThan(0.28);
});

const flags = (settings: Record<string, unknown>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const shortRounds = {
  'pairs.maxTokens': 4,
  'pairs.slots': 4, // groups of 4 prompts
  'dpo.steps': 6,
  'dpo.batchSize': 8,
  'dpo.sequenceLength': 32,
  'dpo.learningRate': 1e-3,
  'dpo.checkpointEvery': 1,
};
const command = (settings: Record<string, unknown>, out = 'out', ...more: string[]) => {
  const given = { model: at('base'), prompts: at('prompts.jsonl'), rounds: 2, ...shortRounds, ...settings };
  return ['run', 'iterative-dpo', ...flags(given), '--out', at(out), ...more];
};

it(`survives ${kills} kills with the same model, the same answers and the same metrics`, {
  timeout: 120_000 + kills * 60_000,
}, async () => {
  const rounds = inTime(1, 2);
  const run = async (out: string, milliseconds: number, signal?: NodeJS.Signals) =>
    await runAndSignal(command({ rounds }, out), milliseconds, {
      ...(signal && { signal }),
      env: { XDG_CACHE_HOME: at('killed-cache') },
    });
  const outcome = (out: string) => {
    const { stages } = JSON.parse(readFileSync(at(out, 'report.json'), 'utf8')) as RecipeReport;
    const files = [
      'pairs-1/answers.jsonl',
      'pairs-1/pairs/pairs.jsonl',
      `pairs-${rounds}/answers.jsonl`,
      `dpo-${rounds}/model/model.safetensors`,
    ];
    return {
      stages: stages.map(({ name, address, sha256, metrics, tables }) => ({ name, address, sha256, metrics, tables })),
      files: files.map((file) => sha256File(at(out, file))),
    };
  };
  const began = performance.now();
  expect(await run('whole', 300_000)).toBe(0);
  const uninterrupted = performance.now() - began;
  const whole = outcome('whole');
  const random = new RandomStream(kills);
  const forget = () => {
    for (const name of ['killed', 'killed-cache']) rmSync(at(name), { recursive: true, force: true });
  };
  for (let killed = 0; killed < kills; ) {
    forget();
    let longest = uninterrupted;
    while ((await run('killed', killed < kills ? random.next() * longest : 300_000)) !== 0) {
      killed++;
      longest *= 1.1;
    }
    expect(outcome('killed')).toEqual(whole);
  }
  if (!thorough) return;
  // Ctrl-C saves and ends, and the same command goes on: for `npm test` exit-codes.test.ts and run-kill.test.ts see that.
  forget();
  expect([0, 130, 'SIGINT']).toContain(await run('killed', 0.6 * uninterrupted, 'SIGINT'));
  expect(await run('killed', 300_000)).toBe(0);
  expect(outcome('killed')).toEqual(whole);
});

it('trains adapters, merged after each round, with other seeds in each, and has other prompts answered at the end', {
  timeout: 120_000,
}, async () => {
  const settings = { lora: 2, 'dpo.steps': 2, 'pairs.limit': 40, heldOut: at('prompts.jsonl'), 'answers.limit': 20 };
  const { code, stdout, stderr } = await runCli(command({ ...settings, 'answers.maxTokens': 4 }, 'adapted', '--json'));
  expect(code, stderr).toBe(0);
  const { stages } = JSON.parse(stdout) as RecipeReport;
  expect(stages.map(({ name }) => name)).toEqual(['pairs-1', 'dpo-1', 'pairs-2', 'dpo-2', 'answers']);
  const configs = stages.map(({ config }) => config as Record<string, unknown>);
  expect(configs.slice(0, 4).map(({ seed }) => seed)).toEqual([0, 0, 1, 1]);
  expect([configs[1]!['lora'], configs[1]!['learningRate'], configs[1]!['tooLong']]).toEqual([2, 1e-3, 'drop']);
  expect(configs[4]).toMatchObject({ rule: 'number', limit: 20, maxTokens: 4 });
  for (const model of ['"model"', 'dpo-1', 'dpo-2']) expect(JSON.stringify(stages[4]), model).toContain(model);
  expect(existsSync(at('adapted', 'dpo-2', 'model', 'model.safetensors'))).toBe(true);
});

it('scores by a reward model from outside', { timeout: 120_000 }, async () => {
  using learned = loadModel(at('base'));
  const head = initialRewardHead(learned.config.hidden_size, 3, 'cpu');
  saveRewardModel(at('reward'), addRewardHead(learned, head), { tokenizerFolder: at('base') });
  const settings = { rounds: 1, rewardModel: at('reward'), 'pairs.score': 'reward', 'pairs.limit': 40 };
  const { code, stdout, stderr } = await runCli(command(settings, 'rewarded', '--json'));
  expect(code, stderr).toBe(0);
  const names = (JSON.parse(stdout) as RecipeReport).stages[0]!.metrics.map(({ name }) => name);
  expect(names).toContain('mean score');
  expect(names).not.toContain('pass@1'); // no answer is right or wrong
});

it('forecasts all rounds before anything is made', async () => {
  const { code, stderr } = await runCli(command({ rounds: 3 }, 'planned', '--plan'));
  expect(code, stderr).toBe(0);
  for (const name of ['pairs-1', 'dpo-1', 'pairs-3', 'dpo-3'])
    expect(stderr).toMatch(new RegExp(`${name}.* (m?s|min)`));
  expect(stderr).not.toMatch(/NaN|undefined/);
  expect(existsSync(at('planned'))).toBe(false);
});

it.each([
  [{ prompts: '[]' }, 'there are no prompts'],
  [{ 'pairs.task': 'sums' }, 'task has no effect with score=number'],
  [{ 'pairs.samples': 1 }, 'pairs.samples'],
  [{ 'pairs.score': 'reward' }, 'score=reward needs rewardModel'],
  [{ rewardModel: 'x' }, 'rewardModel has no effect with score=number'],
  [{ 'dpo.alpha': 0.9 }, 'alpha has no effect with loss=dpo'],
  [{ 'pairs.sample': 8 }, 'sample'],
] as const)('refuses %j', async (settings, message) => {
  const { code, stderr } = await runCli(command(settings, 'refused', '--plan'));
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

it('names file and row of a prompt without a right answer', async () => {
  writeFileSync(at('wrong.jsonl'), '{"prompt": "1", "answer": "1"}\n{"prompt": "2"}\n');
  const { code, stderr } = await runCli(command({ prompts: at('wrong.jsonl') }, 'wrong'));
  expect(stderr).toContain(
    `${at('wrong.jsonl')}, row 2: answer should be a text, a number or a list of them but is not there`,
  );
  expect(code).toBe(2);
});

it('says of each setting what it is', () => {
  const described = describeSettings(recipe.config).map(([name]) => name);
  const rows = describeSettings(pairsConfig).map(([key, text]) => `| \`${key}\` | ${text} |`);
  const lines = readPage('preference.md').split('| setting of `tsumugi synth pairs` | |\n')[1]!.split('\n');
  expect(lines.slice(1, lines.indexOf(''))).toEqual(rows);
  for (const name of ['model', 'prompts', 'rounds', 'lora', 'pairs.samples', 'dpo.loss'])
    expect(described).toContain(name);
});
