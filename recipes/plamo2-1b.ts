// The recipe of PLaMo 2 at the published shape of the 1B model, for a GPU: the stages of plamo2-mini. The shape, the context of 32,768
// tokens and the order of the stages are published; text, rates, batches, tokens and losses are not, and are our choice.
import { plamo2 } from './plamo2-mini.ts';

const onGpu = { device: 'cuda', dtype: 'bfloat16' } as const;
const rare = { evaluateEvery: 1000, checkpointEvery: 1000 };

export default plamo2({
  name: 'plamo2-1b',
  summary:
    'the recipe of plamo2-mini at the shape of pfnet/plamo-2-1b, for a GPU; --dry-run tries every stage anywhere',
  documentCharacters: 100_000, // longer than the context, where the text has such documents
  tokenizer: { vocabularySize: 100_000 },
  data: { heldOutFraction: 0.01 },
  pretrain: {
    model: '1b',
    modelChanges: { num_hidden_layers: 8 },
    epochs: 1,
    ...{ sequenceLength: 4096, batchSize: 2, gradientAccumulation: 64, activationCheckpointing: true }, // 0.5 M tokens a step
    learningRate: 4e-4,
    warmup: 0.01,
    zLoss: 1e-4,
    ...onGpu,
    ...rare,
  },
  grow: { num_hidden_layers: 16 }, // of the published shape
  extend: {
    phases: [
      { sequenceLength: 4096, steps: 2000, batchSize: 2, gradientAccumulation: 64 },
      { sequenceLength: 16_384, steps: 200, batchSize: 1, gradientAccumulation: 32 },
      { sequenceLength: 32_768, steps: 200, batchSize: 1, gradientAccumulation: 16 },
    ],
    learningRate: 4e-5,
    activationCheckpointing: true,
    ...onGpu,
    ...rare,
  },
  prune: { intermediate_size: 5632 }, // of 8192
  distill: {
    steps: 2000,
    sequenceLength: 4096,
    batchSize: 1,
    gradientAccumulation: 64,
    activationCheckpointing: true,
    learningRate: 1e-4,
    ...onGpu,
    ...rare,
  },
  sft: { learningRate: 2e-5, batchSize: 16, gradientAccumulation: 4, activationCheckpointing: true, ...onGpu },
  dpo: { loss: 'hdpo', batchSize: 8, gradientAccumulation: 8, activationCheckpointing: true, ...onGpu },
  quantize: { bits: 4 },
  export: { type: 'Q4_K_M' },
  answers: {},
  evaluate: { sequenceLengths: [4096, 32_768], tasks: ['needle'], options: { lengths: '4096,32768', samples: '4' } },
});
