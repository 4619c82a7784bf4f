// What goes together in a distillation: settings among themselves, and settings with the two models.
import { ConfigError, DataError } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import { checkSchedule, requireIdle } from './check-settings.ts';
import { DEFAULT_DIVERGENCE, DEFAULT_TEMPERATURE, type DistillConfig } from './distill-config.ts';

const refuse = (code: string, message: string, remedy: string, fields: Record<string, unknown>) =>
  new ConfigError(code, message, { remedy, fields });

/** @throws ConfigError naming the settings that do not go together */
export function checkDistillSettings(config: Omit<DistillConfig, 'teacher' | 'model' | 'data' | 'out'>): void {
  checkSchedule(config);
  const { logitWeight, languageWeight, hiddenWeight, divergence, temperature, teacherLogits } = config;
  if (logitWeight === 0 && languageWeight === 0 && hiddenWeight === 0)
    throw refuse(
      'nothing-to-learn',
      'logitWeight, languageWeight and hiddenWeight are all 0: there is nothing to learn from',
      'Set one of them above 0; logitWeight=1 is the usual distillation.',
      { logitWeight, languageWeight, hiddenWeight },
    );
  if (divergence !== 'jensen-shannon') requireIdle('beta', config.beta, `with the divergence ${divergence}`);
  if (logitWeight === 0) {
    const why = 'with logitWeight 0';
    requireIdle('divergence', divergence === DEFAULT_DIVERGENCE ? undefined : divergence, why);
    requireIdle('temperature', temperature === DEFAULT_TEMPERATURE ? undefined : temperature, why);
    requireIdle('topK', config.topK, why);
    requireIdle('teacherLogits', teacherLogits, why);
  }
  if (hiddenWeight > 0 && teacherLogits !== undefined)
    throw refuse(
      'needs-teacher',
      'hiddenWeight needs the teacher itself: teacherLogits has no hidden states',
      'Leave teacherLogits out, or set hiddenWeight=0.',
      { hiddenWeight, teacherLogits },
    );
  if (languageWeight === 0 && config.zLoss > 0) requireIdle('zLoss', config.zLoss, 'with languageWeight 0');
  if (hiddenWeight > 0) return;
  requireIdle('hiddenLayers', config.hiddenLayers, 'with hiddenWeight 0');
  requireIdle('hiddenLoss', config.hiddenLoss, 'with hiddenWeight 0');
}

/** @throws ConfigError or DataError when these settings cannot be applied to these models */
export function checkDistillModels(config: DistillConfig, student: Plamo2Config, teacher: Plamo2Config): void {
  const [V, W] = [student.vocab_size, teacher.vocab_size];
  if (V !== W)
    throw new DataError('other-vocabulary', `the student has a vocabulary of ${V} tokens, the teacher of ${W}`, {
      remedy: 'Take models of one vocabulary.',
      fields: { student: V, teacher: W },
    });
  const { topK } = config;
  if (topK !== undefined && topK > V)
    throw refuse('bad-setting', `topK is ${topK}, but the vocabulary has ${V} tokens`, `Set topK to ${V} or less.`, {
      topK,
      vocabularySize: V,
    });
  if (config.hiddenWeight === 0) return;
  const [D, E] = [student.hidden_size, teacher.hidden_size];
  if (config.hiddenLoss === 'cosine' && D !== E)
    throw refuse(
      'bad-setting',
      `hiddenLoss cosine compares equal widths, but the student's is ${D} and the teacher's ${E}`,
      'Set hiddenLoss=mse, which learns a projection.',
      { student: D, teacher: E },
    );
  for (const pair of hiddenPairs(config, student, teacher))
    for (const [i, { num_hidden_layers: layers }] of [student, teacher].entries())
      if (pair[i]! >= layers)
        throw refuse(
          'bad-setting',
          `hiddenLayers: the ${i === 0 ? 'student' : 'teacher'} has no layer ${pair[i]}, only 0 to ${layers - 1}`,
          'Write pairs [[student, teacher], …] of layers that are there.',
          { hiddenLayers: config.hiddenLayers },
        );
}

/** The layers that are compared: [student, teacher]. */
export const hiddenPairs = (
  { hiddenWeight, hiddenLayers }: Pick<DistillConfig, 'hiddenWeight' | 'hiddenLayers'>,
  student: Plamo2Config,
  teacher: Plamo2Config,
): readonly (readonly [number, number])[] =>
  hiddenWeight === 0 ? [] : (hiddenLayers ?? [[student.num_hidden_layers - 1, teacher.num_hidden_layers - 1]]);
