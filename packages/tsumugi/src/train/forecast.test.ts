// Forecasts against what is measured: peak memory of real steps, and the rate of real steps.
import { afterAll, describe, expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import { totalBytes } from '../loop/index.ts';
import { freeze } from '../nn/index.ts';
import { AdamW, decayGroups } from '../optim/index.ts';
import { backward, memory, numThreads, resetPeakMemory, scope, setThreads, tensor } from '../torch/index.ts';
import { trainingFlops } from './flops.ts';
import { forecastSpace, forecastTime, rehearseSteps } from './forecast.ts';
import { forecastMemory } from './memory-forecast.ts';
import { rehearseRate } from './rate.ts';
import { attentionLayers } from './switch-attention.ts';

const small = {
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size_per_head: 16,
  mamba_num_heads: 8,
  mamba_d_state: 16,
  vocab_size: 512,
  attention_window_size: 64,
};
const windowed = preset('mini', small);
const full = preset('mini', { ...small, full_attention_idx: attentionLayers(windowed) });
const threads = numThreads();
afterAll(() => setThreads(threads));

/** One update on `B` rows of `T` tokens. */
function step(
  model: Plamo2,
  optimizer: AdamW,
  B: number,
  T: number,
  activationCheckpointing: boolean,
  gradientAccumulation = 1,
): void {
  optimizer.zeroGrad();
  for (let micro = 0; micro < gradientAccumulation; micro++)
    scope(() => {
      const ids = tensor(
        Int32Array.from({ length: B * T }, (_, i) => (7919 * i) % 512),
        { shape: [B, T], dtype: 'int64' },
      );
      const documents = tensor(new Int32Array(B * T), { shape: [B, T] });
      backward(model.loss({ ids, targets: ids, documents }, { activationCheckpointing }).loss);
    });
  optimizer.step(1e-3);
}

describe('memory', () => {
  it.each([
    ['windowed', windowed],
    ['full', full],
  ])('is forecast within 10 % of the measured peak: %s', (_, config) => {
    using model = new Plamo2(config, initialWeights(0));
    using optimizer = new AdamW(decayGroups(model));
    step(model, optimizer, 1, 64, false);
    const shapes = [
      [4, 128],
      [1, 512],
      [2, 2048],
      [1, 4096],
    ] as const;
    for (const [batchSize, sequenceLength] of shapes.slice(0, inTime(3, 4)))
      for (const activationCheckpointing of [true, false])
        for (const gradientAccumulation of sequenceLength > 2048 ? [1] : [1, 2]) {
          resetPeakMemory();
          step(model, optimizer, batchSize, sequenceLength, activationCheckpointing, gradientAccumulation);
          const measured = memory().peakBytes;
          const forecast = forecastMemory(config, {
            batchSize,
            sequenceLength,
            activationCheckpointing,
            gradientAccumulation,
          });
          const ratio = (forecast.stateBytes + forecast.activationBytes) / measured;
          const name = `${batchSize} × ${sequenceLength}, activationCheckpointing ${activationCheckpointing}, gradientAccumulation ${gradientAccumulation}`;
          expect(ratio, name).toBeGreaterThan(0.9);
          expect(ratio, name).toBeLessThan(1.1);
        }
  });

  it('is forecast within 20 % where little is trained', () => {
    const isFrozen = (name: string) => !name.includes('layers.0.mlp');
    using model = new Plamo2(windowed, initialWeights(0));
    freeze(model, isFrozen);
    using optimizer = new AdamW(model);
    step(model, optimizer, 1, 64, true);
    for (const [batchSize, sequenceLength] of [
      [4, 128],
      [1, 512],
      [1, 2048],
    ] as const) {
      resetPeakMemory();
      step(model, optimizer, batchSize, sequenceLength, true);
      const measured = memory().peakBytes;
      const shape = { batchSize, sequenceLength, activationCheckpointing: true };
      const { stateBytes, activationBytes } = forecastMemory(windowed, shape, { isFrozen });
      const ratio = (stateBytes + activationBytes) / measured;
      expect(ratio, `${batchSize} × ${sequenceLength}`).toBeGreaterThan(0.9);
      expect(ratio, `${batchSize} × ${sequenceLength}`).toBeLessThan(1.2);
    }
  });

  it('is never less than weights, gradients and both moments', () => {
    const shape = { batchSize: 1, sequenceLength: 2, activationCheckpointing: true };
    const { parameters, stateBytes, activationBytes } = forecastMemory(preset('1b'), shape);
    expect(parameters).toBe(1_291_441_920);
    expect(stateBytes).toBe(16 * parameters);
    expect(activationBytes).toBeGreaterThanOrEqual(0);
  });
});

describe('rate', () => {
  it('is what a step reaches, within a factor that leaves room for a busy machine', () => {
    setThreads(1);
    const shape = { batchSize: 2, sequenceLength: 1024, activationCheckpointing: true };
    using model = new Plamo2(windowed, initialWeights(0));
    using optimizer = new AdamW(decayGroups(model));
    // In turn, and the best of each: what another process takes away in between does not count.
    const turns = [0, 1, 2, 3].map(() => {
      const rate = rehearseRate(windowed, shape, { seconds: 0.2 });
      const began = performance.now();
      step(model, optimizer, 2, 1024, true);
      return { rate, seconds: (performance.now() - began) / 1000 };
    });
    const rate = Math.max(...turns.map((turn) => turn.rate));
    const ratio = trainingFlops(windowed, shape) / rate / Math.min(...turns.map((turn) => turn.seconds));
    expect(ratio).toBeGreaterThan(1 / 3);
    expect(ratio).toBeLessThan(3);
  });
});

describe('a run', () => {
  it('adds phases up and takes the memory of the largest', () => {
    const phases = [
      { steps: 10, sequenceLength: 512, batchSize: 2, gradientAccumulation: 2, activationCheckpointing: true },
      { steps: 5, sequenceLength: 2048, batchSize: 1, activationCheckpointing: true },
    ];
    expect(forecastTime(phases, [1, 4])).toEqual({ steps: 15, tokens: 10 * 2048 + 5 * 2048, secondsPerStep: 2 });
    const space = (parts: typeof phases) =>
      forecastSpace('extend', full, parts, { out: '/tmp/nowhere/at/all', keepLast: 2 });
    const alone = phases.map((phase) => totalBytes(space([phase]).memory));
    const { memory, disk, availableDiskBytes } = space(phases);
    expect(totalBytes(memory)).toBe(Math.max(...alone));
    expect(totalBytes(disk)).toBe(4 * 13 * forecastMemory(full, phases[0]!).parameters);
    expect(availableDiskBytes).toBeGreaterThan(0);
  });

  it('rehearses each shape of a model once', () => {
    const phase = { steps: 3, sequenceLength: 128, batchSize: 1, activationCheckpointing: false };
    const each = rehearseSteps(windowed, [phase, phase]);
    expect(each[0]).toBeGreaterThan(0);
    expect(each[0]).toBeLessThan(2);
    expect(rehearseSteps(windowed, [phase])).toEqual([each[1]]);
  });
});
