// Reward models: that they learn which answer is better, that layout and micro-batches change nothing, exact resume, the folder that is
// made and what may open it, settings that each do something, and what is refused.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { initialWeights, loadModel, loadRewardModel, Plamo2, readModelConfig, saveModel } from '../lm/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { scope } from '../torch/index.ts';
import { dpoConfig } from './dpo-config.ts';
import { planReward } from './plan-model.ts';
import { pairsOf, type RewardSetup, rewardSetup } from './preference/preference.testing.ts';
import { reward, rewardTraining } from './reward.ts';
import { type RewardInput, rewardConfig } from './reward-config.ts';
import { jsonLines } from './sft.testing.ts';
import { silent } from './train.testing.ts';

let setup: RewardSetup;
const at = (...names: string[]) => setup.at(...names);
const run = (name: string, changes: Partial<RewardInput> = {}, options = {}) =>
  reward(setup.config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');
const lossesOf = (name: string) => stepsOf(name).map(({ loss }) => loss as number);
beforeAll(async () => {
  setup = await rewardSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

describe('reward', () => {
  it('learns which answer is right: better than chance on questions it has not seen', async () => {
    const accuracy = async (seed: number) => {
      const rows = pairsOf(seed);
      const [data, heldOut] = [at(`pairs-${seed}.jsonl`), at(`test-${seed}.jsonl`)];
      writeFileSync(data, jsonLines(rows.slice(0, 150)));
      writeFileSync(heldOut, jsonLines(rows.slice(150)));
      const { after } = await run(`learns-${seed}`, {
        seed,
        data: [data],
        heldOut: [heldOut],
        steps: 60,
        batchSize: 8,
        checkpointEvery: 0,
        learningRate: 3e-3,
      });
      return after!.accuracy;
    };
    await expectOverSeeds(accuracy, { above: 0.7 });
  }, 240_000);

  it('is one training however its pairs are dealt out', async () => {
    const same = { steps: 8, epsilon: 0.01, checkpointEvery: 0, centering: 0.1 };
    await run('eight', { ...same, batchSize: 8 });
    await run('padded', { ...same, batchSize: 8, packing: false });
    await run('one by one', { ...same, batchSize: 1, gradientAccumulation: 8 });
    const expected = lossesOf('eight');
    for (const name of ['padded', 'one by one']) {
      const residuals = lossesOf(name).map((loss, i) => loss - expected[i]!);
      for (const residual of residuals) expect(Math.abs(residual)).toBeLessThan(1e-5);
      expect(Math.abs(residuals.reduce((a, b) => a + b, 0) / residuals.length)).toBeLessThan(2e-6);
    }
  });

  it('resumes bit for bit', async () => {
    await run('long');
    for (const step of [2, 4]) {
      const name = `resumed-${step}`;
      cpSync(at('long'), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      await run(name, {}, { resume: true });
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf('long')));
      expect(lossesOf(name)).toEqual(lossesOf('long'));
    }
  });

  it('goes on from the same base only', async () => {
    cpSync(at('base'), at('changing'), { recursive: true });
    await run('based', { model: at('changing'), steps: 2 });
    writeFileSync(at('changing', 'README.md'), 'another');
    const goesOn = run('based', { model: at('changing'), steps: 4 }, { resume: true });
    await expect(goesOn).rejects.toThrow(/model.*changing/s);
  });

  it('begins with a head of the seed, and deals pairs out by it', async () => {
    const few = pairsOf(3).slice(0, 12);
    writeFileSync(at('held.jsonl'), jsonLines(few));
    const begin = async (seed: number, name = `begin-${seed}`) => {
      const { before } = await run(name, { seed, heldOut: [at('held.jsonl')], steps: 2, learningRate: 1e-9 });
      return [before!.margin, ...lossesOf(name)];
    };
    const [one, again, two] = [await begin(1), await begin(1, 'again'), await begin(2)];
    expect(again).toEqual(one);
    for (const [i, value] of two.entries()) expect(value).not.toBe(one[i]);
    // With the same head the steps differ by the pairs that they learn from.
    using task = await rewardTraining(setup.config('steps', { seed: 1, heldOut: [at('held.jsonl')] }));
    using other = await rewardTraining(setup.config('steps', { seed: 2, heldOut: [at('held.jsonl')] }));
    using model = task.makeModel(false);
    expect(task.gradients(model, {})(0).loss).not.toBe(other.gradients(model, {})(0).loss);
  });

  it('logs rewards, and how far apart they are', async () => {
    await run('logged', { steps: 2 });
    for (const { metrics } of stepsOf('logged')) {
      const found = metrics as Record<string, number>;
      expect(found['margin']).toBeCloseTo(found['chosenReward']! - found['rejectedReward']!, 5);
      expect(found['accuracy']).toBeGreaterThanOrEqual(0);
    }
  });

  it('makes a folder that gives the rewards that were measured, one by one and together, in the words of its template', async () => {
    const rows = pairsOf(3).slice(0, 12);
    writeFileSync(at('few.jsonl'), jsonLines(rows));
    const { folder, after } = await run('scores', {
      heldOut: [at('few.jsonl')],
      template: 'chatml',
      learningRate: 0.01,
    });
    expect(folder).toBe(at('scores', 'model'));
    using opened = loadRewardModel(folder!);
    const texts = rows.flatMap(({ prompt, chosen, rejected }) =>
      [chosen, rejected].map((answer) => ({ prompt, answer })),
    );
    const together = opened.scores(texts);
    texts.forEach(({ prompt, answer }, i) => void expect(opened.score(prompt, answer)).toBeCloseTo(together[i]!, 5));
    const margins = rows.map((_, i) => together[2 * i]! - together[2 * i + 1]!);
    expect(margins.reduce((a, b) => a + b) / rows.length).toBeCloseTo(after!.margin, 5);
    expect(margins.filter((margin) => margin > 0).length / rows.length).toBeCloseTo(after!.accuracy, 10);
    // Messages are rendered, texts are not.
    const { prompt, chosen } = rows[0]!;
    const rendered = opened.score([{ role: 'user', content: prompt }], chosen);
    expect(rendered).not.toBeCloseTo(together[0]!, 5);
    const plain = opened.score(
      `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`,
      `${chosen}<|im_end|>\n`,
    );
    expect(plain).not.toBe(rendered); // special pieces spelled by people are no special pieces, and a text ends with EOS
  });

  it('merges its adapters: the folder gives the rewards of the adapted model, and the base is untouched', async () => {
    const accuracy = async (seed: number) => {
      const rows = pairsOf(seed);
      writeFileSync(at(`a-${seed}.jsonl`), jsonLines(rows.slice(0, 150)));
      writeFileSync(at(`b-${seed}.jsonl`), jsonLines(rows.slice(150)));
      const settings = { data: [at(`a-${seed}.jsonl`)], heldOut: [at(`b-${seed}.jsonl`)], lora: 8, learningRate: 5e-3 };
      const { folder, after } = await run(`adapters-${seed}`, {
        ...settings,
        seed,
        steps: 120,
        batchSize: 8,
        checkpointEvery: 0,
      });
      using opened = loadRewardModel(folder!);
      const [first] = rows.slice(150);
      expect(opened.score(first!.prompt, first!.chosen)).not.toBe(0);
      const texts = rows.slice(150).map(({ prompt, chosen: answer }) => ({ prompt, answer }));
      const rewards = opened.scores(texts);
      expect(rewards.reduce((a, b) => a + b) / rewards.length).toBeCloseTo(after!.chosenReward, 4);
      return after!.accuracy;
    };
    const before = sha256File(at('base', 'model.safetensors'));
    await expectOverSeeds(accuracy, { above: 0.6 });
    expect(sha256File(at('base', 'model.safetensors'))).toBe(before);
  }, 240_000);

  it('takes the margins of rows that have them', async () => {
    const rows = pairsOf().slice(0, 40);
    writeFileSync(at('margins.jsonl'), jsonLines(rows.map((row, i) => ({ ...row, margin: i % 3 }))));
    writeFileSync(at('none.jsonl'), jsonLines(rows));
    await run('margins', { data: [at('margins.jsonl')], steps: 2 });
    await run('none', { data: [at('none.jsonl')], steps: 2 });
    expect(lossesOf('margins')[0]).toBeGreaterThan(lossesOf('none')[0]! + 0.1);
    writeFileSync(at('bad.jsonl'), jsonLines([rows[0]!, { ...rows[1]!, margin: 'a lot' }]));
    await expect(run('bad', { data: [at('bad.jsonl')] })).rejects.toThrow(/bad.jsonl, row 2.*margin.*at least 0/s);
  });

  it('names model and data by hash, and a model that classifies texts in config.json', async () => {
    await run('lineage', { steps: 1, template: 'chatml' });
    const artefact = new Artefact(at('lineage', 'model'));
    const { stage, parents, data, chatTemplate } = artefact.lineage()!;
    expect(stage).toBe('reward');
    expect(chatTemplate!.name).toBe('chatml');
    expect(parents!.map(({ sha256 }) => sha256)).toEqual([await new Artefact(at('base')).hash()]);
    expect(data!.map(({ sha256 }) => sha256)).toEqual([sha256File(at('pairs.jsonl'))]);
    expect(artefact.config()).toMatchObject({ architectures: ['Plamo2ForSequenceClassification'], num_labels: 1 });
    using weights = artefact.weights();
    expect(weights.info('score.weight')).toMatchObject({ shape: [1, 48], dtype: 'float32' });
  });

  it('forecasts without writing anything', async () => {
    const forecast = await planReward(setup.config('planned', { steps: undefined, epochs: 2 }), { stream: silent });
    expect(forecast.steps).toBeGreaterThan(50); // 2 epochs of about 114 pairs, 4 a step
    expect(readdirSync(setup.folder)).not.toContain('planned');
  });
});

describe('a reward model is no language model', () => {
  it('is refused where one is asked for, by what it is', async () => {
    await run('made', { steps: 1 });
    expect(() => loadModel(at('made', 'model'))).toThrow(/made.model is a reward model: it gives answers a reward/);
    await expect(run('twice', { model: at('made', 'model') })).rejects.toThrow(/is a reward model/);
    expect(() => loadRewardModel(at('base'))).toThrow(/base is no reward model/);
  });

  it('keeps a head of the language model, which is not trained', async () => {
    const config = readModelConfig(new Artefact(at('base')));
    using untied = new Plamo2({ ...config, tie_word_embeddings: false }, initialWeights(7));
    saveModel(at('untied'), untied, { tokenizerFolder: at('base') });
    await run('with head', { model: at('untied'), steps: 2 });
    const head = (folder: string) => {
      using weights = new Artefact(folder).weights();
      return scope(() => weights.tensor('lm_head.weight').sum().item());
    };
    expect(head(at('with head', 'model'))).toBe(head(at('untied')));
    using opened = loadRewardModel(at('with head', 'model'));
    expect(opened.score('犬は', 'わんわん')).toBeTypeOf('number');
    using weights = new Artefact(at('untied')).weights();
    const size = weights.info('lm_head.weight').shape.reduce((a, b) => a * b);
    // It is counted as weights, and takes neither gradients nor states of the optimizer.
    const bytes = async (model: string) => {
      const { memory } = await planReward(setup.config('planned', { model }), { stream: silent });
      return memory.find(({ what }) => what === 'weights, gradients, optimizer')!.bytes;
    };
    expect((await bytes(at('untied'))) - (await bytes(at('base')))).toBe(4 * size);
  });

  it('says what is wrong with its weights', async () => {
    await run('damaged', { steps: 1 });
    const file = at('damaged', 'model', 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, architectures: ['Plamo2ForCausalLM'] }));
    expect(() => loadModel(at('damaged', 'model'))).toThrow(/the weights hold "score.weight" \[1, 48\]/);
    cpSync(at('base'), at('headless'), { recursive: true });
    writeFileSync(at('headless', 'config.json'), JSON.stringify(config));
    expect(() => loadRewardModel(at('headless'))).toThrow(/the weights lack "score.weight" \[1, 48\]/);
  });
});

describe('each setting does something', () => {
  it('to the loss', async () => {
    await run('plain', { steps: 2, checkpointEvery: 0 });
    await run('centered', { steps: 2, checkpointEvery: 0, centering: 0.5 });
    await run('seed', { steps: 2, checkpointEvery: 0, seed: 4 });
    const last = ['plain', 'centered', 'seed'].map((name) => lossesOf(name).at(-1));
    expect(new Set(last).size).toBe(3);
  });

  it('of which none is new to those of preference training but the weight that holds rewards around 0', async () => {
    const shared = new Set(Object.keys(dpoConfig.shape));
    expect(Object.keys(rewardConfig.shape).filter((key) => !shared.has(key))).toEqual(['centering']);
  });
});

describe('reward refuses', () => {
  it.each([
    [{ loraAlpha: 4 }, /loraAlpha has no effect without lora/],
    [{ lora: 2, loraTargets: ['q_proj'] }, /q_proj/],
    [{ steps: 2, epochs: 2 }, /epochs has no effect/],
    [{ sequenceLength: 20 }, /pairs.jsonl, row \d+: a pair of \d+ tokens is longer than a row of 20; so are/],
    [{ data: ['/nowhere/対.jsonl'] }, /\/nowhere\/対.jsonl/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', changes as never)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });
});
