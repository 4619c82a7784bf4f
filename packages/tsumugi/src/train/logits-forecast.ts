// What precomputing a teacher's logits takes: a forward of the teacher, and the likeliest of its tokens, for every row.
import { availableDisk } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import type { SpaceForecast, TimeForecast } from '../loop/index.ts';
import { distillationChunk, topKOf } from '../nn/index.ts';
import { parseDevice, Rng, randn, scope } from '../torch/index.ts';
import { teacherMemory } from './distill-forecast.ts';
import { modelFlops } from './flops.ts';
import { rateOf } from './known-rates.ts';
import type { LogitsConfig } from './logits-config.ts';
import { withoutTensors } from './memory-forecast.ts';
import { computeType } from './step-gradients.ts';

const tokensOfStep = ({ sequenceLength, batchSize, gradientAccumulation }: LogitsConfig) =>
  sequenceLength * batchSize * gradientAccumulation;

/** Of a token: k indices, k + 1 log-probabilities. */
const bytesOfToken = (topK: number): number => 4 * (2 * topK + 1);

/** Of a file besides its tensors: a header of two names. */
const headerBytes = 256;

/** Batches of held-out text, when there are so many tokens of it. */
export const heldOutBatchesOf = (
  { sequenceLength, batchSize, evaluateTokens }: LogitsConfig,
  heldOutTokens: number,
): number => Math.ceil(Math.min(evaluateTokens, heldOutTokens) / (sequenceLength * batchSize));

/** @param done parts that are on the disk already: steps, then batches of held-out text */
export function logitsSpace(
  teacher: Plamo2Config,
  config: LogitsConfig,
  heldOutBatches: number,
  done = 0,
): SpaceForecast {
  const { steps, gradientAccumulation } = config;
  const stepBytes = tokensOfStep(config) * bytesOfToken(config.topK);
  return {
    label: "teacher's logits",
    memory: [
      ...teacherMemory(teacher, { ...config, activationCheckpointing: false }),
      { what: "a step's logits", bytes: 3 * stepBytes }, // indices are int64 until they are written
      { what: 'Node, libtorch', bytes: withoutTensors },
    ],
    availableMemoryBytes: process.availableMemory(),
    disk: [
      {
        what: `${config.topK} tokens of each prediction`,
        bytes:
          Math.max(0, steps - done) * (stepBytes + headerBytes) +
          Math.min(heldOutBatches, steps + heldOutBatches - done) * (stepBytes / gradientAccumulation + headerBytes),
      },
    ],
    availableDiskBytes: availableDisk(config.out),
    out: config.out,
    remedy: 'Lower batchSize (raise gradientAccumulation to make up for it), or set teacherDtype=bfloat16.',
    diskRemedy: 'Free space there, choose another out, or lower topK or steps.',
  };
}

export function logitsTime(teacher: Plamo2Config, config: LogitsConfig, heldOutBatches: number): TimeForecast {
  const shape = { ...config, activationCheckpointing: false };
  const device = parseDevice(config.device);
  const { vocab_size: V } = teacher;
  const rate = rateOf(
    teacher,
    { ...shape, gradientAccumulation: 1 },
    { device, dtype: computeType(config.teacherDtype) },
  );
  const tokens = Math.min(tokensOfStep(config), distillationChunk(V), 128);
  const chosen = scope(() => {
    const logits = randn([tokens, V], new Rng(0), { device });
    topKOf(logits, config.topK, config.temperature); // the first pays for memory
    const start = performance.now();
    topKOf(logits, config.topK, config.temperature).logProbabilities.sum().item();
    return (performance.now() - start) / 1000;
  });
  const secondsPerStep = modelFlops(teacher, shape) / 3 / rate + (chosen * tokensOfStep(config)) / tokens;
  return {
    steps: config.steps,
    tokens: config.steps * tokensOfStep(config),
    secondsPerStep,
    otherSeconds: (heldOutBatches * secondsPerStep) / config.gradientAccumulation,
  };
}
