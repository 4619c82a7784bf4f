// How fast this machine trains models of a given shape: a second of rehearsal on a cut-down model.
import { checkOptions, type OptionNames } from '../base/index.ts';
import { initialWeights, isMamba, Plamo2, type Plamo2Config, parseConfig } from '../lm/index.ts';
import { numTrainable, parameters } from '../nn/index.ts';
import { backward, type Device, type DType, factoryDevice, scope, tensor } from '../torch/index.ts';
import { type StepShape, trainingFlops } from './flops.ts';
import type { TrainedPart } from './trained-part.ts';

/**
 * The model cut down to one period of its layers, all as wide as they are, with as large a share of the work in the head
 * as in the whole model.
 */
function cutDown(config: Plamo2Config): Plamo2Config {
  const period = config.mamba_enabled ? config.mamba_step : 1;
  const layers = Math.min(config.num_hidden_layers, period);
  const some = config.full_attention_idx.length > 0;
  const attention = Array.from({ length: layers }, (_, i) => i).filter((i) => !isMamba(config, i));
  return parseConfig({
    ...config,
    num_hidden_layers: layers,
    full_attention_idx: some ? attention : [],
    vocab_size: Math.max(64, Math.round((config.vocab_size * layers) / config.num_hidden_layers)),
  });
}

/** The longest and then widest part of the shape whose work does not exceed `flops`. */
function shapeWithin(
  config: Plamo2Config,
  { sequenceLength, batchSize, activationCheckpointing }: StepShape,
  flops: number,
) {
  const work = (T: number, rows: number) =>
    trainingFlops(config, { sequenceLength: T, batchSize: rows, activationCheckpointing });
  let T = Math.min(sequenceLength, 64);
  while (T < sequenceLength && work(Math.min(sequenceLength, 2 * T), 1) <= flops) T = Math.min(sequenceLength, 2 * T);
  const rows = Math.max(1, Math.min(batchSize, Math.floor(flops / work(T, 1))));
  return { sequenceLength: T, batchSize: rows, activationCheckpointing };
}

export interface RateOptions {
  /** What a rehearsal may take. */
  seconds?: number;
  /** Where steps are computed, and in what. Default: the CPU, f32. */
  device?: Device;
  dtype?: DType | undefined;
}

const rateOptions: OptionNames<RateOptions> = { seconds: true, device: true, dtype: true };

/**
 * Floating-point operations per second (as `trainingFlops` counts them) that forward and backward of this shape reach
 * here, from `seconds` of rehearsal on a random model of the same width. The better of two runs counts: on a machine
 * with other work the number is what a step takes once that work has ended.
 */
export function rehearseRate(
  config: Plamo2Config,
  shape: StepShape,
  options: RateOptions = {},
  { isFrozen, rehearse }: TrainedPart = {},
): number {
  checkOptions('rehearseRate', options, rateOptions);
  const { seconds = 1.5, device = factoryDevice(), dtype } = options;
  const small = cutDown(config);
  using model = new Plamo2(small, initialWeights(0, device));
  rehearse?.(model);
  const part = rehearse ? { isFrozen, added: numTrainable(model) } : {};
  const run = (tried: StepShape): number => {
    const { sequenceLength: T, batchSize: B, activationCheckpointing } = tried;
    const began = performance.now();
    scope(() => {
      const ids = tensor(
        Int32Array.from({ length: B * T }, (_, i) => i % small.vocab_size),
        { shape: [B, T], dtype: 'int64', device },
      );
      const { loss } = model.loss({ ids, targets: ids }, { activationCheckpointing, dtype });
      backward(loss);
      loss.item();
    });
    for (const parameter of parameters(model)) parameter.grad = undefined;
    return (trainingFlops(small, tried, part) * 1000) / (performance.now() - began);
  };
  // The first run pays for memory and tells how much fits into the time.
  const first = shapeWithin(small, shape, 2e9);
  run(first);
  const tried = shapeWithin(small, shape, (run(first) * seconds) / 3);
  return Math.max(run(tried), run(tried));
}
