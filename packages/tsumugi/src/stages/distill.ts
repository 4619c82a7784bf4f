// Stage: a teacher, a student and token shards → the student, trained towards the teacher.
import { defineStage, metric } from '../recipe/index.ts';
import {
  checkDistillSettings,
  distill as distillModel,
  requireModelMade,
  teacherFactor,
  teacherMemory,
} from '../train/index.ts';
import { distillStageConfig } from './config.ts';
import { modelConfigOf } from './model-config.ts';
import { requireHeldOut } from './require-held-out.ts';
import { trainingForecast } from './training-forecast.ts';
import { whatWasDone } from './what-was-done.ts';

export const distill = defineStage({
  name: 'distill',
  version: 1,
  makes: 'model',
  inputs: { teacher: 'model', model: 'model', data: 'data' },
  config: distillStageConfig,
  output: 'model',
  resumes: true,
  check(config) {
    checkDistillSettings(config);
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
    return {
      ...own,
      seconds: own.seconds * teacherFactor(student, teacher, config),
      memory: [...own.memory, ...teacherMemory(teacher, config)],
      lowers: { time: ['steps'], memory: ['batchSize', 'activationCheckpointing'], disk: ['keepLast'] },
    };
  },
  async run({ config, inputs, folder, recipe, resumed, stream }) {
    const paths = { teacher: inputs.teacher.path, model: inputs.model.path, data: inputs.data.path, out: folder };
    const options = { resume: resumed, recipe, stream };
    const { interrupted, before, after } = await distillModel({ ...config, ...paths }, options);
    if (interrupted || !before || !after) return { interrupted: true };
    return {
      metrics: [
        metric('KL to the teacher', after.kl),
        metric('KL to the teacher before', before.kl),
        metric('held-out bits per character', after.bitsPerCharacter),
        metric('held-out bits per character before', before.bitsPerCharacter),
        ...whatWasDone(folder),
      ],
    };
  },
});
