// Stage: a teacher and token shards → what the teacher says of the rows of a distillation, for `distill` to learn from without it.
import { join } from 'node:path';
import { forecastSeconds, totalBytes } from '../loop/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { interruptible } from '../run/index.ts';
import { heldOutBatchesOf, logitsSpace, logitsTime, precomputeLogits } from '../train/index.ts';
import { teacherLogitsStageConfig } from './config.ts';
import { deviceHere, FEW_TOKENS, TINY_TOKENS } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';

export const teacherLogits = defineStage({
  name: 'teacher-logits',
  version: 2,
  makes: 'logits',
  inputs: { teacher: 'model', data: 'data' },
  config: teacherLogitsStageConfig,
  output: 'logits',
  resumes: true,
  dryRun: ({ device }) => ({
    steps: 1,
    batchSize: 2,
    sequenceLength: TINY_TOKENS,
    evaluateTokens: FEW_TOKENS,
    device: deviceHere(device),
  }),
  forecast({ config, inputs }) {
    const teacher = modelConfigOf(inputs.teacher);
    const whole = { ...config, teacher: '', data: '', out: '.' };
    const batches = heldOutBatchesOf(whole, inputs.data.metrics['held-out tokens'] ?? 0);
    const { memory, disk } = logitsSpace(teacher, whole, batches);
    return {
      seconds: forecastSeconds(logitsTime(teacher, whole, batches)),
      memory,
      diskBytes: totalBytes(disk),
      lowers: { time: ['steps'], memory: ['batchSize'], disk: ['topK', 'steps'] },
    };
  },
  async run({ config, inputs, folder, stream }) {
    const paths = { teacher: inputs.teacher.path, data: inputs.data.path, out: join(folder, 'logits') };
    const result = await interruptible(
      (message) => void stream.write(`${message}\n`),
      (pause) => precomputeLogits({ ...config, ...paths }, { onProgress: () => pause() }),
    );
    if (!result) return { interrupted: true };
    return { metrics: [metric('tokens', result.tokens), metric('bytes of the logits', result.bytes, 'bytes')] };
  },
});
