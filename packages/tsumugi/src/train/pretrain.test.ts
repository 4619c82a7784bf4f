// Pre-training: it learns, accumulates and resumes exactly, and stops with a diagnosis.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { CheckpointError, ConfigError, DataError, sha256File, type UserError } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import { openSafetensors } from '../store/index.ts';
import { scope } from '../torch/index.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

const train = (name: string, changes = {}, options = {}) =>
  pretrain(setup.config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => join(setup.folder, name, 'model', 'model.safetensors');

/** Keeps only the checkpoint of one step and what the log knows by then, as a kill would leave it. */
function cutBack(name: string, from: string, step: number): void {
  const target = join(setup.folder, name);
  cpSync(join(setup.folder, from), target, { recursive: true });
  rmSync(join(target, 'model'), { recursive: true });
  const checkpoints = join(target, 'checkpoints');
  for (const entry of readdirSync(checkpoints))
    if (entry !== `step-${String(step).padStart(9, '0')}`) rmSync(join(checkpoints, entry), { recursive: true });
}

describe('pretrain', () => {
  // Measured: 0.844, 0.842, 0.844 of the first bits per character.
  it('learns', async () => {
    const share = async (seed: number) => {
      const { before, after } = await train(`learns-${seed}`, {
        seed,
        steps: 40,
        evaluateEvery: 0,
        checkpointEvery: 0,
      });
      return after!.bitsPerCharacter / before!.bitsPerCharacter;
    };
    await expectOverSeeds(share, { below: 0.9 });
  });

  it('writes a model folder with lineage, and logs what happened', async () => {
    const { folder } = await train('learns', { steps: 40 });
    expect(readdirSync(folder!).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'lineage.json',
      'model.safetensors',
      'tokenizer.jsonl',
      'tokenizer_config.json',
    ]);
    const events = readEvents(join(setup.folder, 'learns', 'events.jsonl'));
    expect(events.filter((event) => event.type === 'step')).toHaveLength(40);
    expect(events.filter((event) => event.type === 'evaluation').map((event) => event.step)).toEqual([
      0, 5, 10, 15, 20, 25, 30, 35, 40,
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'done', step: 40 });
  });

  it('gives the same bytes for the same seed, other bytes for another', async () => {
    await train('same-1');
    await train('same-2');
    await train('other', { seed: 1 });
    expect(sha256File(weightsOf('same-2'))).toBe(sha256File(weightsOf('same-1')));
    expect(sha256File(weightsOf('other'))).not.toBe(sha256File(weightsOf('same-1')));
  });

  it('resumes bit for bit from every checkpoint, and does not log a step twice', async () => {
    // A run may be moved: what is cut back goes on in a folder of its own.
    await train('from-start', { keepLast: 9 });
    for (const step of [3, 6, 9]) {
      cutBack(`from-${step}`, 'from-start', step);
      await train(`from-${step}`, { keepLast: 9 }, { resume: true });
      expect(sha256File(weightsOf(`from-${step}`)), `resumed at ${step}`).toBe(sha256File(weightsOf('from-start')));
      const events = readEvents(join(setup.folder, `from-${step}`, 'events.jsonl'));
      const steps = events.filter((event) => event.type === 'step');
      expect(steps.map((event) => event.step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    }
  });

  it('accumulates micro-batches into the gradients of one large batch', async () => {
    const differences = async (a: object, b: object) => {
      await train('whole', { steps: 1, ...a });
      await train('parts', { steps: 1, ...b });
      const result = scope(() => {
        using whole = openSafetensors(weightsOf('whole'));
        using parts = openSafetensors(weightsOf('parts'));
        return Math.max(...whole.names.map((name) => whole.tensor(name).sub(parts.tensor(name)).abs().max().item()));
      });
      for (const name of ['whole', 'parts']) rmSync(join(setup.folder, name), { recursive: true });
      return result;
    };
    // A first AdamW step moves every weight by the learning rate, whatever the size of its gradient: take eps large.
    const common = { learningRate: 1, warmup: 0, epsilon: 1, zLoss: 1e-3 };
    const accumulated = await differences(
      { ...common, batchSize: 4 },
      { ...common, batchSize: 1, gradientAccumulation: 4 },
    );
    expect(accumulated).toBeLessThan(1e-5);
    expect(await differences({ ...common, batchSize: 4 }, { ...common, batchSize: 2 })).toBeGreaterThan(1e-4);
    expect(await differences({ ...common }, { ...common, activationCheckpointing: true })).toBeLessThan(1e-5);
  });

  it('stops with a diagnosis when the loss is no longer finite, keeping the last checkpoint', async () => {
    const error: UserError = await train('diverges', {
      learningRate: 1e30,
      warmup: 0.5,
      clipNorm: 1e30,
      checkpointEvery: 1,
    }).catch((caught) => caught);
    expect(error.code).toBe('diverged');
    expect(error.message).toMatch(/diverged at step \d+: loss .*(holds \d+ NaN|every weight and gradient is finite)/s);
    const kept = readdirSync(join(setup.folder, 'diverges', 'checkpoints'));
    expect(kept.length).toBeGreaterThan(0);
    const events = readEvents(join(setup.folder, 'diverges', 'events.jsonl'));
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'failed' });
  });
});

describe('bad input', () => {
  it('refuses before anything is written', async () => {
    await expect(train('no-data', { data: '/nowhere' })).rejects.toThrow(DataError);
    await expect(train('no-tokenizer', { tokenizer: '/nowhere' })).rejects.toThrow(DataError);
    await expect(train('no-preset', { model: 'minni' })).rejects.toThrow(/Did you mean "mini"/);
    await expect(train('odd', { modelChanges: { hidden_sise: 3 } })).rejects.toThrow(/hidden_sise.*\n.*hidden_size/);
    await expect(train('huge', { model: '8b', modelChanges: {} })).rejects.toThrow(
      /will need about .* of memory.*\n.*batchSize/,
    );
    await expect(train('no-device', { device: 'gpu' })).rejects.toThrow(/expected cpu, cuda or cuda:N, got "gpu"/);
    for (const name of ['no-data', 'no-tokenizer', 'no-preset', 'odd', 'huge', 'no-device'])
      expect(existsSync(join(setup.folder, name)), name).toBe(false);
  });

  it('does not overwrite a run, nor go on with other settings', async () => {
    await train('taken', { steps: 1 });
    await expect(train('taken', { steps: 1 })).rejects.toThrow(/already holds a run.*\n.*--resume/);
    const other = train('taken', { steps: 1, learningRate: 1 }, { resume: true });
    await expect(other).rejects.toThrow(ConfigError);
    await expect(other).rejects.toThrow(/other settings: learningRate: 0.003 → 1\n/);
  });

  it('refuses a checkpoint with a changed byte', async () => {
    await train('damaged', { steps: 1 });
    const folder = join(setup.folder, 'damaged', 'checkpoints');
    const file = join(folder, readdirSync(folder).sort().at(-1)!, 'model.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(file, bytes);
    await expect(train('damaged', { steps: 1 }, { resume: true })).rejects.toThrow(CheckpointError);
  });
});
