// Fine-tuning: that it learns, that the layout of rows changes nothing, exact resume, what is frozen, and what it refuses.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact, openSafetensors } from '../store/index.ts';
import { planSft } from './plan-model.ts';
import { instructions, jsonLines, natsOfAnswer, type SftSetup, sftSetup } from './sft.testing.ts';
import { sft } from './sft.ts';
import type { SftInput } from './sft-config.ts';
import { silent } from './train.testing.ts';
import { savedWeights, weightsIn } from './updates-by-hand.testing.ts';

let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
const run = (name: string, changes: Partial<SftInput> = {}, options = {}) =>
  sft(setup.config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');

beforeAll(async () => {
  setup = await sftSetup();
  await run('usual');
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

describe('sft', () => {
  it('learns to answer: better than anyone who does not read the question', async () => {
    const nats = async (seed: number) => {
      const rows = instructions(seed);
      const [data, heldOut] = [at(`rows-${seed}.jsonl`), at(`test-${seed}.jsonl`)];
      writeFileSync(data, jsonLines(rows.slice(0, 170)));
      writeFileSync(heldOut, jsonLines(rows.slice(170)));
      const { after } = await run(`learns-${seed}`, {
        ...{ seed, data: [data], heldOut: [heldOut], steps: 150, batchSize: 16, checkpointEvery: 0 },
        ...{ learningRate: 1e-2, evaluateTokens: 100_000 },
      });
      return (after!.crossEntropy * after!.predicted) / (rows.length - 170);
    };
    await expectOverSeeds(nats, { below: natsOfAnswer });
  }, 180_000);

  it('logs the mean over the learned tokens of a step, and how many they are', () => {
    for (const { loss, metrics, tokens } of stepsOf('usual')) {
      expect(loss).toBeGreaterThan(1);
      const { predicted } = metrics as { predicted: number };
      expect(predicted).toBeGreaterThan(4);
      expect(predicted).toBeLessThan(tokens as number);
    }
  });

  it('resumes bit for bit, noise included', async () => {
    const all = { neftune: 5, packing: false, freeze: ['embedding'] };
    await run('long', all);
    for (const step of [2, 4]) {
      const name = `resumed-${step}`;
      cpSync(at('long'), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      await run(name, all, { resume: true });
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf('long')));
      expect(stepsOf(name).map(({ loss, tokens }) => [loss, tokens])).toEqual(
        stepsOf('long').map(({ loss, tokens }) => [loss, tokens]),
      );
    }
  }, 60_000);

  it('leaves what is frozen as it was, out of checkpoints too, and tells of it', async () => {
    let shown = '';
    const write = (text: string) => {
      shown += text;
      return true;
    };
    await run('frozen', { freeze: ['embedding', 'layers.0', '*.q_weight'] }, { stream: { write } });
    const [before, after] = [weightsIn(at('base')), savedWeights(at('frozen'))];
    for (const [name, values] of before) {
      const isFrozen = /embed_tokens|layers\.0\.|\.q_weight$/.test(name);
      expect(String(after.get(name)) === String(values), name).toBe(isFrozen);
    }
    const [last] = readdirSync(at('frozen', 'checkpoints')).sort().reverse();
    const held = readdirSync(at('frozen', 'checkpoints', last!)).find((file) => file.includes('model'))!;
    const names = openSafetensors(at('frozen', 'checkpoints', last!, held)).names;
    expect(names.filter((name) => /embed_tokens|layers\.0\.|\.q_weight$/.test(name))).toEqual([]);
    expect(names).toContain('model.norm.weight');
    expect(shown).toMatch(/embedding +[\d,]+ +1 tensors +0 trained/);
  });

  it('takes the model’s template along, and names it by its hash', async () => {
    await run('chatml', { template: 'chatml', steps: 1 });
    const folder = new Artefact(at('chatml', 'model'));
    expect(folder.tokenizerConfig()).toMatchObject({ chat_template: expect.stringContaining('<|im_start|>') });
    const { chatTemplate, parents, data, stage } = folder.lineage()!;
    expect(stage).toBe('sft');
    expect(chatTemplate).toEqual({ name: 'chatml', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(parents!.map(({ sha256 }) => sha256)).toEqual([await new Artefact(at('base')).hash()]);
    expect(data!.map(({ sha256 }) => sha256)).toEqual([sha256File(at('rows.jsonl'))]);
    // The next training finds it there.
    await run('again', { model: at('chatml', 'model'), steps: 1 });
    expect(new Artefact(at('again', 'model')).lineage()!.chatTemplate!.sha256).toBe(chatTemplate!.sha256);
  });

  it('forecasts, and says what it would learn from', async () => {
    let shown = '';
    const write = (text: string) => {
      shown += text;
      return true;
    };
    const forecast = await planSft(setup.config('planned', { steps: undefined, epochs: 2 }), { stream: { write } });
    expect(forecast.steps).toBe(95); // 2 epochs of 190 examples, 4 a step
    expect(shown).toMatch(/chat template: instruction-ja\n.*rows.jsonl: instruction, 200 rows\n/);
    expect(shown).toMatch(/[\d,]+ tokens, [\d.]+ % of them learned/);
    expect(shown).toContain('learned from: 190 examples, held out: 10\n');
    expect(shown).toMatch(/2.0 epochs of 4 examples a step, packed/);
    const frozen = await planSft(setup.config('planned', { freeze: ['embedding'] }), { stream: silent });
    const bytesOf = (amounts: readonly { bytes: number }[]) => amounts[0]!.bytes;
    // The embedding of 500 × 48 numbers has no gradient, no moments, and no place in checkpoints.
    expect(bytesOf(forecast.memory) - bytesOf(frozen.memory)).toBe(3 * 4 * 500 * 48);
    expect(bytesOf(frozen.disk)).toBeLessThan(bytesOf(forecast.disk));
    expect(readdirSync(setup.folder)).not.toContain('planned');
  });
});

describe('sft refuses', () => {
  it.each([
    [{ steps: 3, epochs: 2 }, /epochs has no effect with steps/],
    [{ freeze: ['embeding'] }, /freeze: no weight of the model is at "embeding"/],
    [{ freeze: ['*'] }, /leaves nothing to train/],
    [
      { sequenceLength: 20 },
      /200 of 200 examples are longer than a row of 20 tokens, the first in .*rows.jsonl, row \d+ with/,
    ],
    [{ sequenceLength: 8, tooLong: 'cut' }, /no example is left: 200 of 200 rows are longer than 8 tokens/],
    [{ sequenceLength: 8, tooLong: 'drop' }, /no example is left/],
    [{ model: '/nowhere/模型' }, /\/nowhere\/模型/],
    [{ data: ['/nowhere/会話.jsonl'] }, /\/nowhere\/会話.jsonl/],
    [{ heldOut: ['/nowhere/試験.jsonl'] }, /\/nowhere\/試験.jsonl/],
    [{ template: 'chatmll' }, /chatmll/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', changes as never)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });
});
