// Training steps of one model (named by the first argument) as `tsumugi pretrain` takes them: float32 weights, AdamW, clipping; at
// 2,048 and 8,192 tokens, computed in bfloat16 and in float32.

import { initialWeights, Plamo2 } from 'tsumugi/lm';
import { gradientStep } from 'tsumugi/loop';
import { numParameters } from 'tsumugi/nn';
import { AdamW, decayGroups } from 'tsumugi/optim';
import { makeBatch } from 'tsumugi/text';
import { factoryDevice, resetPeakMemory } from 'tsumugi/torch';
import { stepGradients, trainingFlops } from 'tsumugi/train';
import { say } from '../../scripts/device-check/say.ts';
import { modelConfigs } from './models.ts';
import { peakMemory } from './peak-memory.ts';
import { benchTypes, matmulRate } from './rates.ts';
import { callsPerSecond, isQuick } from './timing.ts';

const name = process.argv[2] ?? 'bench';
const config = modelConfigs(isQuick)[name];
if (!config) throw new Error(`there is no model ${name}`);
/** Of a step, in rows of either length. */
const tokensPerStep = isQuick ? 128 : 16_384;

using model = new Plamo2(config, initialWeights(1, factoryDevice()));
using optimizer = new AdamW(decayGroups(model), { betas: [0.9, 0.95], weightDecay: 0.1 });
say({ metric: { name: 'parameters', value: numParameters(model) / 1e6, unit: 'M' } });

for (const dtype of benchTypes) {
  const peak = matmulRate(dtype, isQuick ? 0.1 : 0.5);
  for (const sequenceLength of isQuick ? [32, 128] : [2048, 8192]) {
    const rows = tokensPerStep / sequenceLength;
    const batch = makeBatch(rows, sequenceLength);
    batch.tokens.forEach((_, i) => {
      batch.tokens[i] = (i * 7919) % config.vocab_size;
      batch.targets[i] = ((i + 1) * 7919) % config.vocab_size;
    });
    const whole = { ...batch, predicted: tokensPerStep };
    const gradients = stepGradients(model, () => ({ batch: whole, microRows: rows, tokensSeen: 0 }), {
      dtype,
      activationCheckpointing: false,
      zLoss: 0,
    });
    const take = gradientStep({ model, optimizer, learningRate: 1e-4, schedule: () => 1, clipNorm: 1, gradients });
    resetPeakMemory();
    const steps = callsPerSecond(() => void take(0, 0), isQuick ? 0.2 : 3);
    const flops = steps * trainingFlops(config, { sequenceLength, batchSize: rows, activationCheckpointing: false });
    const shape = `${rows} × ${sequenceLength}, ${dtype}`;
    say({ metric: { name: `training ${shape}`, value: steps * tokensPerStep, unit: 'tokens/s' } });
    say({ metric: { name: '  rate', value: flops / 1e12, unit: 'TFLOP/s' } });
    say({ metric: { name: '  MFU, of the matmul rate', value: (100 * flops) / 1e12 / peak, unit: '%' } });
    const value = peakMemory();
    if (value !== undefined) say({ metric: { name: '  peak memory of the process so far', value, unit: 'GiB' } });
  }
}
