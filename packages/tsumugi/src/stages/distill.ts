// Stage: a teacher, a student and token shards, and what the teacher says of them where it was kept → the student, trained towards the
// teacher.
import { ConfigError } from '../base/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import {
  checkDistillSettings,
  distill as distillModel,
  requireModelMade,
  teacherFactor,
  teacherMemory,
} from '../train/index.ts';
import { distillStageConfig } from './config.ts';
import { FEW_TOKENS, oneStep, TINY_TOKENS } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';
import { requireHeldOut } from './require-held-out.ts';
import { trainingForecast } from './training-forecast.ts';
import { trainingMetrics } from './training-metrics.ts';

export const distill = defineStage({
  name: 'distill',
  version: 1,
  makes: 'model',
  inputs: { teacher: 'model', model: 'model', data: 'data', logits: ['logits'] },
  config: distillStageConfig,
  output: 'model',
  resumes: true,
  dryRun: (config) => ({
    ...oneStep(config),
    sequenceLength: TINY_TOKENS,
    evaluateTokens: FEW_TOKENS,
  }),
  check(config, { logits }) {
    checkDistillSettings({ ...config, ...(requireOne(logits) && { teacherLogits: 'logits' }) });
    requireModelMade(config);
  },
  forecast({ config, inputs }) {
    requireHeldOut([inputs.data]);
    const [student, teacher] = [modelConfigOf(inputs.model), modelConfigOf(inputs.teacher)];
    const { evaluateTokens, evaluateEvery, keepLast, keepSteps, device } = config;
    const heldOutTokens = Math.min(inputs.data.metrics['held-out tokens'] ?? 0, evaluateTokens);
    const own = trainingForecast(student, [config], {
      heldOutTokens,
      evaluateTokens,
      evaluateEvery,
      keepLast,
      keepSteps,
      device,
    });
    const kept = {
      ...own,
      lowers: { time: ['steps'], memory: ['batchSize', 'activationCheckpointing'], disk: ['keepLast'] },
    };
    if (inputs.logits.length > 0) return kept;
    return {
      ...kept,
      seconds: own.seconds * teacherFactor(student, teacher, config),
      memory: [...own.memory, ...teacherMemory(teacher, config)],
    };
  },
  async run({ config, inputs, folder, recipe, resumed, stream }) {
    const { teacher, model, data, logits } = inputs;
    const kept = logits[0] && { teacherLogits: logits[0].path };
    const paths = { teacher: teacher.path, model: model.path, data: data.path, out: folder, ...kept };
    const options = { resume: resumed, recipe, stream };
    const { interrupted, before, after } = await distillModel({ ...config, ...paths }, options);
    if (interrupted || !before || !after) return { interrupted: true };
    return {
      metrics: [
        ...(after.kl === undefined ? [] : [metric('KL to the teacher', after.kl)]),
        ...(before.kl === undefined ? [] : [metric('KL to the teacher before', before.kl)]),
        metric('held-out bits per character', after.bitsPerCharacter),
        metric('held-out bits per character before', before.bitsPerCharacter),
        ...trainingMetrics(folder),
      ],
    };
  },
});

/** @throws ConfigError for several */
function requireOne(logits: readonly unknown[]): boolean {
  if (logits.length <= 1) return logits.length === 1;
  throw new ConfigError('too-many-inputs', `distill learns from the logits of one teacher, got ${logits.length}`, {
    remedy: 'Give it one, or none.',
  });
}
