// What a teacher adds to the memory and the time of a training.
import { type Plamo2Config, parameterTable } from '../lm/index.ts';
import type { Amount } from '../loop/index.ts';
import { distillationChunk } from '../nn/index.ts';
import type { DistillConfig } from './distill-config.ts';
import { modelFlops, type StepShape, trainingFlops } from './flops.ts';

/** Tensors [tokens of a chunk, vocabulary] that exist at a time: logits, log-probabilities and slopes of both. */
const chunkTensors = 7;

export function teacherMemory(
  teacher: Plamo2Config,
  config: StepShape & Pick<DistillConfig, 'teacherDtype'>,
): Amount[] {
  const parameters = parameterTable(teacher).reduce((sum, each) => sum + each.parameters, 0);
  const bytes = config.teacherDtype === 'bfloat16' ? 2 : 4;
  const tokens = config.batchSize * config.sequenceLength;
  const { hidden_size: D, intermediate_size: I, num_hidden_layers: layers, vocab_size: V } = teacher;
  const chunk = Math.min(tokens, distillationChunk(V));
  return [
    { what: "the teacher's weights", bytes: parameters * bytes },
    // What each layer gives, and one layer at work.
    {
      what: "the teacher's activations, logits of a chunk",
      bytes: 4 * (tokens * (D * (layers + 6) + 3 * I) + chunkTensors * chunk * V),
    },
  ];
}

/** A step with its teacher, over the step alone. */
export const teacherFactor = (
  student: Plamo2Config,
  teacher: Plamo2Config,
  config: StepShape & Pick<DistillConfig, 'logitWeight' | 'hiddenWeight'>,
): number =>
  config.logitWeight > 0 || config.hiddenWeight > 0
    ? 1 + modelFlops(teacher, config) / 3 / trainingFlops(student, config)
    : 1;
