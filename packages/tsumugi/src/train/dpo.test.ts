// Preference training: that it learns, its first loss, that layout and micro-batches change nothing, the reference that is asked once,
// exact resume, settings that each do something, and what it refuses.
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { loadModel } from '../lm/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { openTokenizer } from '../text/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { dpo } from './dpo.ts';
import { type DpoInput, dpoConfig } from './dpo-config.ts';
import { planDpo } from './plan-model.ts';
import { type DpoSetup, dpoSetup, pairsOf } from './preference/preference.testing.ts';
import { jsonLines } from './sft.testing.ts';
import { silent } from './train.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
const run = (name: string, changes: Partial<DpoInput> = {}, options = {}) =>
  dpo(setup.config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');
const lossesOf = (name: string) => stepsOf(name).map(({ loss }) => loss as number);

/** log π(y|x) of answers and how many tokens they are, each read off the logits of its text alone. */
function logprobsOf(folder: string, texts: readonly { prompt: string; answer: string }[]) {
  using model = loadModel(folder, { dtype: 'float32' });
  const { tokenizer } = openTokenizer(folder);
  return texts.map(({ prompt, answer }) => {
    const [asked, answered] = [
      tokenizer.encode(prompt, { addBos: true }),
      [...tokenizer.encode(answer), tokenizer.eosId],
    ];
    const rows = noGrad(() =>
      scope(() => {
        const ids = tensor([[...asked, ...answered]], { dtype: 'int64' });
        return model.logits(model.forward(ids)).squeeze(0).logSoftmax(-1).tolist() as number[][];
      }),
    );
    const logprob = answered.reduce((sum, id, i) => sum + rows[asked.length + i - 1]![id]!, 0);
    return { logprob, tokens: answered.length };
  });
}

beforeAll(async () => {
  setup = await dpoSetup();
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

describe('dpo', () => {
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
        loss: 'hdpo',
        alpha: 0.9,
        beta: 0.5,
      });
      return after!.accuracy;
    };
    await expectOverSeeds(accuracy, { above: 0.6 });
  }, 240_000);

  it('begins at log 2, but H-DPO at what its reference makes of it', async () => {
    const { before } = await run('dpo', { steps: 1 });
    expect(before!.loss).toBeCloseTo(Math.LN2, 6);
    expect(before!).toMatchObject({ margin: expect.closeTo(0, 5), chosenReward: expect.closeTo(0, 5) });
    const { before: sharper } = await run('hdpo', { steps: 1, loss: 'hdpo', alpha: 0.5 });
    expect(Math.abs(sharper!.loss - Math.LN2)).toBeGreaterThan(1e-3);
    expect(sharper!.chosenReward).toBeCloseTo(-0.5 * 0.1 * sharper!.chosenLogprob, 4);
  });

  it('is one training however its pairs are dealt out', async () => {
    const same = { steps: 8, epsilon: 0.01, checkpointEvery: 0, beta: 0.5 };
    await run('eight', { ...same, batchSize: 8 });
    await run('padded', { ...same, batchSize: 8, packing: false });
    await run('one by one', { ...same, batchSize: 1, gradientAccumulation: 8 });
    await run('computed again', { ...same, batchSize: 8, activationCheckpointing: true });
    const expected = lossesOf('eight');
    expect(expected.at(-1)).toBeLessThan(expected[0]! - 0.001);
    for (const name of ['padded', 'one by one', 'computed again']) {
      const residuals = lossesOf(name).map((loss, i) => loss - expected[i]!);
      for (const residual of residuals) expect(Math.abs(residual)).toBeLessThan(1e-5);
      expect(Math.abs(residuals.reduce((a, b) => a + b, 0) / residuals.length)).toBeLessThan(2e-6);
    }
  });

  it('α = 1 is DPO to the bit', async () => {
    await run('alpha-1', { loss: 'hdpo', alpha: 1 });
    await run('plain');
    expect(lossesOf('alpha-1')).toEqual(lossesOf('plain'));
    expect(sha256File(weightsOf('alpha-1'))).toBe(sha256File(weightsOf('plain')));
  });

  it('asks the reference once for the same pairs, whatever is learned of them', async () => {
    vi.stubEnv('XDG_CACHE_HOME', at('cache-once'));
    const kept = () => readdirSync(at('cache-once', 'tsumugi', 'reference-logprobs'));
    await run('first', { steps: 1 });
    const files = kept();
    expect(files).toHaveLength(2); // of what is learned, and of what is held out
    const times = () => files.map((file) => statSync(at('cache-once', 'tsumugi', 'reference-logprobs', file)).mtimeMs);
    const before = times();
    await run('second', { steps: 1, beta: 0.7, packing: false, batchSize: 3 });
    expect([kept(), times()]).toEqual([files, before]);
    await run('other', { steps: 1, seed: 5 }); // other pairs are held out
    expect(kept().length).toBeGreaterThan(2);
    await run('none', { steps: 1, loss: 'simpo', seed: 6 });
    expect(kept()).toHaveLength(4);
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

  it('logs rewards, log-probabilities and entropy', async () => {
    await run('logged', { steps: 2 });
    for (const { metrics } of stepsOf('logged')) {
      const found = metrics as Record<string, number>;
      expect(found['margin']).toBeCloseTo(found['chosenReward']! - found['rejectedReward']!, 5);
      expect(found['accuracy']).toBeGreaterThanOrEqual(0);
      expect(found['chosenLogprob']).toBeLessThan(-5);
      expect(found['entropy']).toBeGreaterThan(1);
    }
    await run('without', { steps: 1, loss: 'simpo' });
    expect(stepsOf('without')[0]!['metrics']).not.toHaveProperty('kl');
  });

  it('measures what a token of the answers is likelier than under the reference', async () => {
    const rows = pairsOf().slice(120, 124);
    writeFileSync(at('four.jsonl'), jsonLines(rows));
    const changes = { heldOut: [at('four.jsonl')], learningRate: 1e-2, sftWeight: 1 };
    const { before, after } = await run('kl', changes);
    expect(before!.kl).toBeCloseTo(0, 6);
    const texts = rows.flatMap(({ prompt, chosen, rejected }) =>
      [chosen, rejected].map((answer) => ({ prompt, answer })),
    );
    const [policy, reference] = [at('kl', 'model'), at('base')].map((folder) => logprobsOf(folder, texts));
    const total = (numbers: { logprob: number }[]) => numbers.reduce((sum, { logprob }) => sum + logprob, 0);
    const tokens = policy!.reduce((sum, each) => sum + each.tokens, 0);
    expect(after!.kl).toBeCloseTo((total(policy!) - total(reference!)) / tokens, 4);
    expect(Math.abs(after!.kl!)).toBeGreaterThan(0.01);
  });

  it('learns with adapters over the model, which is the reference, too', async () => {
    const loss = async (seed: number) => {
      const changes = { seed, lora: 4, steps: 60, batchSize: 8, checkpointEvery: 0, learningRate: 3e-3, beta: 0.5 };
      const { folder, before, after } = await run(`adapters-${seed}`, { ...changes, heldOut: 0.2 });
      expect(folder).toBe(at(`adapters-${seed}`, 'adapter'));
      expect(before!.loss).toBeCloseTo(Math.LN2, 6);
      return after!.loss;
    };
    await expectOverSeeds(loss, { below: Math.LN2 });
  }, 120_000);

  it('takes the template along, and names model and data by hash', async () => {
    await run('lineage', { steps: 1, template: 'chatml' });
    const { stage, parents, data, chatTemplate } = new Artefact(at('lineage', 'model')).lineage()!;
    expect(stage).toBe('dpo');
    expect(chatTemplate!.name).toBe('chatml');
    expect(parents!.map(({ sha256 }) => sha256)).toEqual([await new Artefact(at('base')).hash()]);
    expect(data!.map(({ sha256 }) => sha256)).toEqual([sha256File(at('pairs.jsonl'))]);
  });

  it('forecasts without asking anybody', async () => {
    vi.stubEnv('XDG_CACHE_HOME', at('cache-plan'));
    const forecast = await planDpo(setup.config('planned', { steps: undefined, epochs: 2 }), { stream: silent });
    expect(forecast.steps).toBeGreaterThan(50); // 2 epochs of about 114 pairs, 4 a step
    expect(readdirSync(setup.folder)).not.toContain('planned');
    expect(readdirSync(setup.folder)).not.toContain('cache-plan');
  });
});

describe('each setting does something', () => {
  const changes: Record<string, Partial<DpoInput>[]> = {
    loss: [{ loss: 'hdpo' }, { loss: 'ipo' }, { loss: 'simpo' }, { loss: 'orpo' }, { loss: 'kto' }],
    alpha: [
      { loss: 'hdpo', alpha: 0.7 },
      { loss: 'hdpo', alpha: 1.2 },
    ],
    beta: [{ beta: 0.7 }],
    labelSmoothing: [{ labelSmoothing: 0.2 }],
    smoothing: [{ labelSmoothing: 0.2, smoothing: 'robust' }],
    lengthNormalized: [{ lengthNormalized: true }, { loss: 'ipo', lengthNormalized: true }],
    gamma: [{ loss: 'simpo', gamma: 0.2 }],
    oddsWeight: [{ loss: 'orpo', oddsWeight: 0.7 }],
    desirableWeight: [{ loss: 'kto', desirableWeight: 0.5 }],
    undesirableWeight: [{ loss: 'kto', undesirableWeight: 0.5 }],
    sftWeight: [{ sftWeight: 0.5 }, { loss: 'kto', sftWeight: 0.5 }],
  };

  it('of the loss', async () => {
    const seen = new Map<string, string>();
    for (const [i, change] of [{}, ...Object.values(changes).flat()].entries()) {
      await run(`setting-${i}`, { steps: 2, checkpointEvery: 0, ...change });
      const losses = JSON.stringify(lossesOf(`setting-${i}`).at(-1));
      expect(seen.get(losses), JSON.stringify(change)).toBeUndefined();
      seen.set(losses, JSON.stringify(change));
    }
  }, 120_000);

  it('of which there is a row for each', () => {
    const loss =
      /^(loss|alpha|beta|labelSmoothing|smoothing|lengthNormalized|gamma|oddsWeight|desirableWeight|undesirableWeight|sftWeight)$/;
    expect(Object.keys(dpoConfig.shape).filter((key) => loss.test(key))).toEqual(Object.keys(changes));
  });
});

describe('dpo refuses', () => {
  it.each([
    [{ alpha: 0.9 }, /alpha has no effect with loss=dpo/],
    [{ loraAlpha: 4 }, /loraAlpha has no effect without lora/],
    [{ lora: 2, loraTargets: ['q_proj'] }, /q_proj/],
    [{ loss: 'orpo', beta: 0.2 }, /beta has no effect with loss=orpo/],
    [{ gamma: 1 }, /gamma has no effect with loss=dpo/],
    [{ oddsWeight: 1 }, /oddsWeight has no effect with loss=dpo/],
    [{ loss: 'ipo', labelSmoothing: 0.1 }, /labelSmoothing has no effect with loss=ipo/],
    [{ smoothing: 'robust' }, /smoothing has no effect with labelSmoothing 0/],
    [{ loss: 'simpo', lengthNormalized: true }, /lengthNormalized has no effect with loss=simpo/],
    [{ loss: 'orpo', sftWeight: 0.3 }, /sftWeight has no effect with loss=orpo/],
    [{ steps: 2, epochs: 2 }, /epochs has no effect/],
    [{ sequenceLength: 20 }, /pairs.jsonl, row \d+: a pair of \d+ tokens is longer than a row of 20; so are/],
    [{ sequenceLength: 8, tooLong: 'drop' }, /no example is left/],
    [{ data: ['/nowhere/対.jsonl'] }, /\/nowhere\/対.jsonl/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', changes as never)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });

  it('two answers that are the same, by file and row', async () => {
    writeFileSync(at('same.jsonl'), jsonLines([...pairsOf().slice(0, 3), { prompt: 'x', chosen: 'y', rejected: 'y' }]));
    await expect(run('refused', { data: [at('same.jsonl')] })).rejects.toThrow(/same.jsonl.*4.*are the same/s);
  });
});
