// GRPO: that it learns what is rewarded, that layout and micro-batches change nothing, exact resume also between updates from the same
// answers, that what is trained is what sampled, settings that each do something, and what it refuses.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { DataError, sha256File } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { loadModel, saveModel } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { noGrad } from '../torch/index.ts';
import { dpoConfig } from './dpo-config.ts';
import { type GrpoSetup, grpoSetup, hiragana } from './grpo/grpo.testing.ts';
import { requireSameModel } from './grpo/grpo-gradients.ts';
import type { GrpoState } from './grpo/rollout-state.ts';
import { type GrpoOptions, grpo, policyTraining } from './grpo.ts';
import { type GrpoInput, grpoConfig } from './grpo-config.ts';
import { planGrpo } from './plan-model.ts';
import { jsonLines } from './sft.testing.ts';
import { silent } from './train.testing.ts';

let setup: GrpoSetup;
const at = (...names: string[]) => setup.at(...names);
const run = (name: string, changes: Partial<GrpoInput> = {}, options: Partial<GrpoOptions> = {}) =>
  grpo(setup.config(name, changes), { scorer: hiragana, stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const eventsOf = (name: string) => readEvents(at(name, 'events.jsonl'));
const stepsOf = (name: string) => eventsOf(name).filter((event) => event.type === 'step');
const lossesOf = (name: string) => stepsOf(name).map(({ loss }) => loss as number);
const metricsOf = (name: string) => stepsOf(name).map(({ metrics }) => metrics as Record<string, number>);
beforeAll(async () => {
  setup = await grpoSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const learning = {
  steps: 40,
  samples: 8,
  batchSize: 4,
  maxTokens: 4,
  beta: 0.01,
  heldOut: 0.5,
  learningRate: 1e-2,
  schedule: 'constant' as const,
  checkpointEvery: 0,
};

describe('grpo', () => {
  it('learns what is rewarded, on prompts it has not seen', async () => {
    const gained = async (seed: number) => {
      const { before, after } = await run(`learns-${seed}`, { ...learning, seed });
      return after!.reward - before!.reward;
    };
    await expectOverSeeds(gained, { above: 0.4 });
  }, 240_000);

  const others = [
    ['constant', { scaleRewards: false, average: 'constant' }],
    ['token', { average: 'token' }],
    ['updates', { updates: 2 }],
  ] as const;
  it.each(inTime([], others))(
    'learns with other settings: %s',
    async (name, changes) => {
      const { before, after, folder } = await run(name, { ...learning, ...changes });
      expect(after!.greedyReward - before!.greedyReward).toBeGreaterThan(0.3);
      expect(folder).toBe(at(name, 'model'));
    },
    120_000,
  );

  it.each(inTime([], ['learns adapters']))(
    '%s',
    async () => {
      // The head (the embedding) of a model that knows nothing is near 0 and not learned: all answers would stay about equally likely.
      {
        using model = loadModel(at('base'));
        const [, head] = namedParameters(model).find(([path]) => path === 'model.embed_tokens.weight')!;
        noGrad(() => void head.mul_(10));
        saveModel(at('lively'), model, { tokenizerFolder: at('base') });
      }
      const learned = async (seed: number) => {
        const changes = { model: at('lively'), lora: 8, learningRate: 5e-3, steps: 80, seed };
        const { before, after, folder } = await run(`adapters-${seed}`, { ...learning, ...changes });
        expect(folder).toBe(at(`adapters-${seed}`, 'adapter'));
        expect(before!.reward).toBeLessThan(0.3);
        return after!.reward;
      };
      await expectOverSeeds(learned, { above: 0.35 });
    },
    240_000,
  );

  it('is one training however its answers are dealt out', async () => {
    const same = { steps: 4, epsilon: 0.01, checkpointEvery: 0, updates: 4 };
    await run('four', { ...same, batchSize: 4 });
    await run('padded', { ...same, batchSize: 4, packing: false });
    await run('one by one', { ...same, batchSize: 1, gradientAccumulation: 4 });
    const expected = lossesOf('four');
    expect(new Set(expected).size).toBe(4);
    for (const name of ['padded', 'one by one'])
      for (const [i, loss] of lossesOf(name).entries()) expect(Math.abs(loss - expected[i]!)).toBeLessThan(1e-5);
  });

  it.each([1, 3])('resumes bit for bit, with %i updates from the same answers', async (updates) => {
    const long = `long-${updates}`;
    await run(long, { updates });
    for (const step of [2, 4]) {
      const name = `resumed-${updates}-${step}`;
      cpSync(at(long), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      await run(name, { updates }, { resume: true });
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf(long)));
      expect(lossesOf(name)).toEqual(lossesOf(long));
      expect(stepsOf(name).map(({ tokens }) => tokens)).toEqual(stepsOf(long).map(({ tokens }) => tokens));
    }
  });

  it.each([
    ['packed', {}],
    ['padded', { packing: false }],
    ['adapters', { lora: 4 }],
    ['recomputed', { activationCheckpointing: true }],
  ] as const)('trains the model that sampled: %s', async (name, changes) => {
    await run(`gap-${name}`, { ...changes, steps: 3, learningRate: 0.01 });
    for (const { samplingGap } of metricsOf(`gap-${name}`)) {
      expect(samplingGap).toBeGreaterThan(0); // they are two paths
      expect(samplingGap).toBeLessThan(1e-5);
    }
    expect(() => requireSameModel(0.02, 'float32')).toThrow(/finds its own answers otherwise .* by 0.020 nats a token/);
    expect(() => requireSameModel(0.02, 'bfloat16')).not.toThrow();
  });

  it('measures by how much they differ, and ends where they do', async () => {
    using task = await policyTraining(setup.config('differs', { updates: 2 }), hiragana);
    using model = task.makeModel(false);
    const step = task.gradients(model, {});
    await task.beforeStep!(model, 0, async () => {});
    const scaleHead = (by: number) => {
      const [, head] = namedParameters(model).find(([path]) => path === 'model.embed_tokens.weight')!;
      noGrad(() => void head.mul_(by));
    };
    scaleHead(1.02);
    const { samplingGap } = step(0).metrics!;
    const { answers } = (task.kept!.of(1) as GrpoState).rollout!;
    const gaps = answers.flatMap(({ sampled, old }) => sampled.map((logprob, t) => old![t]! - logprob));
    expect([gaps.some((gap) => gap > 1e-4), gaps.some((gap) => gap < -1e-4)]).toEqual([true, true]);
    expect(samplingGap).toBeCloseTo(gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / gaps.length, 6);
    await task.beforeStep!(model, 2, async () => {}); // the next rollout
    scaleHead(3);
    expect(() => step(2)).toThrow('finds its own answers otherwise');
  });

  it('begins at its reference, and moves away from it', async () => {
    await run('kl', { steps: 4, learningRate: 0.01, updates: 2 });
    const [first, second, third] = metricsOf('kl');
    expect(Math.abs(first!['kl']!)).toBeLessThan(1e-9);
    expect(first!['clipped']).toBe(0);
    expect(second!['kl']).toBeGreaterThan(1e-4);
    expect(second!['clipped']).toBeGreaterThan(0);
    expect(second!['samplingGap']).toBeUndefined();
    expect(third!['clipped']).toBe(0);
    await run('free', { steps: 2, beta: 0 });
    expect(metricsOf('free')[0]!['kl']).toBeUndefined();
  });

  it('logs what its answers were', async () => {
    const seen: number[] = [];
    const scorer = {
      ...hiragana,
      score: (items: Parameters<typeof hiragana.score>[0]) => {
        const rewards = hiragana.score(items) as number[];
        seen.push(...rewards);
        return rewards;
      },
    };
    await run('logged', { steps: 2, heldOut: 0.05 }, { scorer });
    const [first] = metricsOf('logged');
    const mine = seen.slice(4, 4 + 12); // after one answer to each of 2 held-out prompts, sampled and not
    expect(first!['reward']).toBeCloseTo(mine.reduce((a, b) => a + b) / 12, 12);
    expect(first!['groupsWithoutSignal']).toBeGreaterThanOrEqual(0);
    expect(first!['rewardStd']).toBeGreaterThan(0);
    expect(first!['answerTokens']).toBeGreaterThan(1);
    expect(first!['answerTokens']).toBeLessThanOrEqual(6);
    expect(first!['entropy']).toBeGreaterThan(4);
    expect(first!['sampledTokensPerSecond']).toBeGreaterThan(0);
  });

  it('says so when no answer is better than the others', async () => {
    const scorer = { name: 'none', hash: 'none', score: (items: readonly unknown[]) => items.map(() => 1) };
    await run('silent', { steps: 12, beta: 0, samples: 2, maxTokens: 2 }, { scorer });
    const warnings = eventsOf('silent').filter((event) => event.type === 'warning');
    expect(warnings.map(({ step, code }) => [step, code])).toEqual([[10, 'no-signal']]);
    expect(lossesOf('silent').every((loss) => Math.abs(loss) === 0)).toBe(true);
  });

  it('counts those sets of answers in a row in which no group has a signal', async () => {
    // Sets of 2 groups of 2 answers; in the tenth set one of the groups has a better answer.
    let groups = 0;
    const scorer = {
      name: 'rare',
      hash: 'rare',
      score: ({ length }: { length: number }) => {
        if (length === 1) return [1]; // held out
        return groups++ === 19 ? [1, 0] : [1, 1];
      },
    };
    const changes = { steps: 21, beta: 0, samples: 2, maxTokens: 2, batchSize: 2, checkpointEvery: 5 };
    await run('rare', changes, { scorer });
    const told = () =>
      eventsOf('rare')
        .filter((event) => event.type === 'warning')
        .map(({ step, code }) => [step, code]);
    expect(told()).toEqual([[20, 'no-signal']]);
    expect(metricsOf('rare')[9]!['groupsWithoutSignal']).toBe(0.5);
    // A run that goes on remembers how many there were.
    for (const name of ['model', 'checkpoints/step-000000020', 'checkpoints/step-000000021'])
      rmSync(at('rare', name), { recursive: true, force: true });
    groups = 20 + 2 * 5;
    await run('rare', changes, { scorer, resume: true });
    expect(told()).toEqual([[20, 'no-signal']]);
  });

  it('measures held-out prompts by their likeliest answers, too, which no seed changes', async () => {
    const scorer = {
      name: 'spelling',
      hash: 'spelling',
      score: (items: readonly { answer: string }[]) =>
        items.map(({ answer }) => [...answer].reduce((sum, each, i) => sum + (i + 1) * each.codePointAt(0)!, 0)),
    };
    writeFileSync(at('few.jsonl'), jsonLines([{ prompt: '猫は' }, { prompt: '犬は' }]));
    const before = async (seed: number) =>
      (await run(`greedy-${seed}`, { seed, heldOut: [at('few.jsonl')], steps: 1, samples: 2 }, { scorer })).before!;
    const [one, two] = [await before(1), await before(2)];
    expect(one.greedyReward).toBe(two.greedyReward);
    expect(one.reward).not.toBe(two.reward);
  });

  it('has a row for the longest prompt and an answer, and for no token more', async () => {
    const forecast = (sequenceLength: number) =>
      planGrpo(setup.config('planned', { sequenceLength }), hiragana, { stream: silent });
    const refused = await forecast(20).catch((error: DataError) => error);
    const least = Number(/sequenceLength=(\d+)/.exec((refused as DataError).remedy!)![1]);
    await forecast(least);
    await expect(forecast(least - 1)).rejects.toThrow(`are longer than a row of ${least - 1}`);
  });

  it('goes on with the same scorer and the same base only', async () => {
    await run('scored', { steps: 2 });
    const other = { ...hiragana, hash: 'hiragana 2' };
    await expect(run('scored', { steps: 4 }, { scorer: other, resume: true })).rejects.toThrow(/scorer/);
    await run('scored', { steps: 4 }, { resume: true });
    expect(stepsOf('scored')).toHaveLength(4);
    cpSync(at('base'), at('changing'), { recursive: true });
    await run('based', { model: at('changing'), steps: 2 });
    writeFileSync(at('changing', 'README.md'), 'another');
    const goesOn = run('based', { model: at('changing'), steps: 4 }, { resume: true });
    await expect(goesOn).rejects.toThrow(/model.*changing/s);
  });

  it('takes the template along, and names model and data by hash', async () => {
    await run('lineage', { steps: 1, template: 'chatml' });
    const { stage, parents, data, chatTemplate } = new Artefact(at('lineage', 'model')).lineage()!;
    expect([stage, chatTemplate!.name]).toEqual(['grpo', 'chatml']);
    expect(parents!.map(({ sha256 }) => sha256)).toEqual([await new Artefact(at('base')).hash()]);
    expect(data!.map(({ sha256 }) => sha256)).toContain(sha256File(at('prompts.jsonl')));
  });

  it('forecasts without sampling or writing anything', async () => {
    const scorer = {
      ...hiragana,
      score: () => {
        throw new Error('asked');
      },
    };
    const config = setup.config('planned', { steps: undefined, epochs: 3, updates: 2 });
    const forecast = await planGrpo(config, scorer, { stream: silent });
    expect(forecast.steps).toBe(2 * 32); // 3 epochs of 32 prompts, 3 of them for 2 steps
    const extras = async (changes: Partial<GrpoInput>) => {
      const { memory } = await planGrpo(setup.config('planned', changes), scorer, { stream: silent });
      return memory.map(({ what }) => what).filter((what) => /^(states|reference)/.test(what));
    };
    const states = 'states of answers that are being written';
    expect(await extras({})).toEqual([states, 'reference']);
    expect(await extras({ beta: 0 })).toEqual([states]);
    expect(await extras({ lora: 2 })).toEqual([states]); // the base is the reference
    expect(readdirSync(setup.folder)).not.toContain('planned');
  });
});

describe('each setting does something', () => {
  const changes: Record<string, Partial<GrpoInput>> = {
    samples: { samples: 3 },
    maxTokens: { maxTokens: 4 },
    updates: { updates: 3 },
    clip: { clip: 0.01 },
    beta: { beta: 0.5 },
    scaleRewards: { scaleRewards: false },
    average: { average: 'token' },
  };

  it('to the loss of the second update', async () => {
    const seen = new Map<number, string>();
    for (const [name, change] of Object.entries({ none: {}, ...changes, constant: { average: 'constant' } as const })) {
      await run(`setting-${name}`, { steps: 3, checkpointEvery: 0, updates: 2, learningRate: 0.01, ...change });
      const loss = lossesOf(`setting-${name}`).at(-1)!;
      const last = name === 'updates' ? lossesOf(`setting-${name}`)[2]! : lossesOf(`setting-${name}`)[1]!;
      expect(seen.get(last), name).toBeUndefined();
      expect(Number.isFinite(loss)).toBe(true);
      seen.set(last, name);
    }
  }, 60_000);

  it('of which there is a row for each that other trainings do not have; slots is how many answers are written at a time', () => {
    const shared = new Set(Object.keys(dpoConfig.shape).filter((key) => key !== 'beta'));
    expect(Object.keys(grpoConfig.shape).filter((key) => !shared.has(key))).toEqual([...Object.keys(changes), 'slots']);
  });
});

describe('grpo refuses', () => {
  it.each([
    [{ loraAlpha: 4 }, /loraAlpha has no effect without lora/],
    [{ lora: 2, loraDropout: 0.1 }, /loraDropout has no effect here: answers are sampled without/],
    [{ steps: 2, epochs: 2 }, /epochs has no effect/],
    [{ maxTokens: 128 }, /an answer of 128 tokens \(maxTokens\) leaves no room/],
    [
      { maxTokens: 120 },
      /prompts.jsonl, row 1: a prompt of \d+ tokens and an answer of 120 are longer than a row of 128; so are/,
    ],
    [{ maxTokens: 120, tooLong: 'drop' }, /no prompt is left/],
    [{ data: ['/nowhere/問題.jsonl'] }, /\/nowhere\/問題.jsonl/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', changes as never)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });

  it('a row that cannot be scored, before anything is written', async () => {
    writeFileSync(at('unknown.jsonl'), jsonLines([{ prompt: 'a' }, { text: 'b' }]));
    await expect(run('refused', { data: [at('unknown.jsonl')] })).rejects.toThrow(/unknown.jsonl, row 2 has text/);
    const scorer = {
      ...hiragana,
      check(row: Readonly<Record<string, unknown>>) {
        if (row['answer'] === '7') throw new DataError('no-reference', 'answer is no good');
      },
    };
    await expect(run('refused', {}, { scorer })).rejects.toThrow(/prompts.jsonl, row 8: answer is no good/);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no server');
      },
      /prompts.jsonl, row \d+: the scorer "bad" failed: no server/,
    ],
    [
      'gives NaN',
      (items: readonly unknown[]) => items.map(() => Number.NaN),
      /row \d+: the scorer "bad" gave NaN to the answer "/,
    ],
    ['gives too few', () => [1], /row \d+: the scorer "bad" gave 1 rewards for 4 answers/],
    [
      'gives texts',
      (items: readonly unknown[]) => items.map(() => '1' as never),
      /the scorer "bad" gave 1 to the answer/,
    ],
  ] as const)('a scorer that %s', async (name, score, problem) => {
    const folder = `bad-${name}`;
    let asked = 0;
    const scorer = {
      name: 'bad',
      hash: 'bad',
      // Held-out prompts are scored first, one answer at a time.
      score: (items: readonly { answer: string }[]) => (items.length === 1 && ++asked > 0 ? [0] : score(items)),
    };
    await expect(run(folder, {}, { scorer })).rejects.toThrow(problem);
  });
});
