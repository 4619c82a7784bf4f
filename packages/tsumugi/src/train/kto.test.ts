// KTO through the trainer: rated answers and pairs, z₀ of the whole step, that it learns, exact resume, what it refuses.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import { dpo } from './dpo.ts';
import type { DpoInput } from './dpo-config.ts';
import { planDpo } from './plan-model.ts';
import { type DpoSetup, dpoSetup, pairsOf, ratedOf } from './preference/preference.testing.ts';
import { jsonLines } from './sft.testing.ts';
import { silent } from './train.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
const kto = { loss: 'kto' } as const;
const configOf = (name: string, changes: Partial<DpoInput> = {}) =>
  setup.config(name, { ...kto, data: [at('rated.jsonl')], ...changes });
const run = (name: string, changes: Partial<DpoInput> = {}, options = {}) =>
  dpo(configOf(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');
const lossesOf = (name: string) => stepsOf(name).map(({ loss }) => loss as number);
const metricOf = (name: string, metric: string) =>
  stepsOf(name).map(({ metrics }) => (metrics as Record<string, number>)[metric]!);

beforeAll(async () => {
  setup = await dpoSetup();
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

describe('kto', () => {
  it('learns which answers are wanted: better than chance on questions it has not seen', async () => {
    const accuracy = async (seed: number) => {
      const rows = pairsOf(seed);
      const [data, heldOut] = [at(`rated-${seed}.jsonl`), at(`test-${seed}.jsonl`)];
      // Of a question there is one answer, wanted or not.
      writeFileSync(data, jsonLines(ratedOf(rows.slice(0, 150)).filter((_, i) => i % 4 === 0 || i % 4 === 3)));
      writeFileSync(heldOut, jsonLines(ratedOf(rows.slice(150))));
      const { after } = await run(`learns-${seed}`, {
        seed,
        data: [data],
        heldOut: [heldOut],
        steps: 60,
        batchSize: 16,
        checkpointEvery: 0,
        learningRate: 3e-3,
        beta: 0.5,
      });
      return after!.accuracy;
    };
    await expectOverSeeds(accuracy, { above: 0.6 });
  }, 240_000);

  it('begins at half the weights: nobody is better or worse than the reference', async () => {
    const { before } = await run('begins', { steps: 1, desirableWeight: 1.5, undesirableWeight: 0.5 });
    expect(before!.loss).toBeCloseTo(0.5, 5); // as many are wanted as are not
    expect(before).toMatchObject({ kl: expect.closeTo(0, 5), mismatchedKl: expect.closeTo(0, 5) });
  });

  it('is one training however its answers are dealt out: z₀ is that of the whole step', async () => {
    const same = { steps: 10, epsilon: 0.01, checkpointEvery: 0, beta: 0.5, learningRate: 1e-2, warmup: 0 };
    await run('eight', { ...same, batchSize: 8 });
    await run('padded', { ...same, batchSize: 8, packing: false });
    await run('one by one', { ...same, batchSize: 1, gradientAccumulation: 8 });
    const expected = lossesOf('eight');
    expect(Math.max(...metricOf('eight', 'mismatchedKl'))).toBeGreaterThan(0.05);
    for (const name of ['padded', 'one by one']) {
      const residuals = lossesOf(name).map((loss, i) => loss - expected[i]!);
      for (const residual of residuals) expect(Math.abs(residual)).toBeLessThan(1e-5);
      expect(Math.abs(residuals.reduce((a, b) => a + b, 0) / residuals.length)).toBeLessThan(2e-6);
      metricOf('eight', 'mismatchedKl').forEach(
        (value, i) => void expect(metricOf(name, 'mismatchedKl')[i]).toBeCloseTo(value, 4),
      );
    }
  });

  it('takes a pair as two answers', async () => {
    await run('rated', { batchSize: 8 });
    await run('pairs', { batchSize: 8, data: [at('pairs.jsonl')] });
    expect(lossesOf('pairs')).toEqual(lossesOf('rated'));
    expect(sha256File(weightsOf('pairs'))).toBe(sha256File(weightsOf('rated')));
  });

  it('resumes bit for bit, also where the reference must be asked again', async () => {
    await run('long', { gradientAccumulation: 2 });
    for (const step of [2, 4]) {
      const name = `resumed-${step}`;
      cpSync(at('long'), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      if (step === 4) rmSync(at('cache'), { recursive: true });
      await run(name, { gradientAccumulation: 2 }, { resume: true });
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf('long')));
      expect(lossesOf(name)).toEqual(lossesOf('long'));
    }
  });

  it('goes through steps whose answers are all wanted, or of one alone', async () => {
    await run('single', { batchSize: 1, steps: 4 });
    for (const { metrics } of stepsOf('single')) {
      const found = metrics as Record<string, number>;
      expect(found['mismatchedKl']).toBe(0); // there is no other prompt
      expect('chosenReward' in found).not.toBe('rejectedReward' in found);
      expect(found).not.toHaveProperty('margin');
    }
  });

  it('learns with adapters over the model', async () => {
    const { folder, before, after } = await run('adapters', { lora: 4, steps: 30, batchSize: 8, learningRate: 1e-2 });
    expect(folder).toBe(at('adapters', 'adapter'));
    expect(before!.loss).toBeCloseTo(0.5, 5);
    expect(after!.loss).toBeLessThan(0.5);
  });

  it('forecasts without asking anybody', async () => {
    vi.stubEnv('XDG_CACHE_HOME', at('cache-plan'));
    const config = configOf('planned', { batchSize: 8, steps: undefined, epochs: 2 });
    const { steps } = await planDpo(config, { stream: silent });
    expect(steps).toBeGreaterThan(50); // 2 epochs of about 228 answers, 8 a step
    expect(steps).toBeLessThan(61);
    expect(readdirSync(setup.folder)).not.toContain('planned');
    expect(readdirSync(setup.folder)).not.toContain('cache-plan');
  });
});

describe('kto refuses', () => {
  const write = (rows: readonly object[]) => {
    writeFileSync(at('bad.jsonl'), jsonLines(rows));
    return { data: [at('bad.jsonl')] };
  };
  const rated = ratedOf(pairsOf().slice(0, 20));

  it.each([
    [{ alpha: 0.9 }, /alpha has no effect with loss=kto/],
    [{ lengthNormalized: true }, /lengthNormalized has no effect with loss=kto/],
    [{ labelSmoothing: 0.1 }, /labelSmoothing has no effect with loss=kto/],
    [{ loss: 'dpo', desirableWeight: 2, data: undefined }, /desirableWeight has no effect with loss=dpo/],
    [{ loss: 'dpo', undesirableWeight: 2, data: undefined }, /undesirableWeight has no effect with loss=dpo/],
    [{ sequenceLength: 20 }, /rated.jsonl, row \d+: an answer of \d+ tokens is longer than a row of 20; so are/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', { ...changes, data: [at('rated.jsonl')] } as never)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });

  it('answers that all have one label', async () => {
    const wanted = rated.filter(({ label }) => label);
    await expect(run('refused', write(wanted))).rejects.toThrow(/answers to learn from \(19\) all have the label true/);
    writeFileSync(at('wanted.jsonl'), jsonLines(wanted));
    await expect(run('refused', { heldOut: [at('wanted.jsonl')] })).rejects.toThrow(
      /answers held out \(20\) all have the label true/,
    );
  });

  it('a label that is none, by file, row and field; and labels where pairs are asked for', async () => {
    await expect(run('refused', write([...rated, { prompt: 'a', completion: 'b', label: 'yes' }]))).rejects.toThrow(
      /bad.jsonl, row 41: label should be true or false but is "yes"/,
    );
    await expect(run('refused', { loss: 'dpo' })).rejects.toThrow(/"tsumugi dpo" with --set loss=kto/);
  });

  it('nothing for one side to measure on where a share of the data has both', async () => {
    const rare = [...rated.filter(({ label }) => label), ...rated.filter(({ label }) => !label).slice(0, 3)];
    const { after } = await run('rare', { ...write(rare), steps: 1, heldOut: 0.05 });
    expect(after!.rejectedLogprob).toBeLessThan(0);
  });
});
