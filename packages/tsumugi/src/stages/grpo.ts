// Stage: a model and files of prompts, and others to measure on where there are some → the model that has learned from rewards of its own
// answers. What an answer is worth is a rule's, a task's or a reward model's to say.
import { findTasks } from '../eval/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { readPrompts } from '../text/index.ts';
import {
  checkGrpoSettings,
  DEFAULT_GRPO_EPOCHS,
  DEFAULT_HELD_OUT,
  grpo as learn,
  openPromptData,
  requireModelMade,
} from '../train/index.ts';
import { type AnswerScoring, checkRewardModels, checkScoring, openAnswerScorer } from './answer-scorer.ts';
import { grpoStageConfig } from './config.ts';
import { oneTuningStep } from './dry-run.ts';
import { openRows } from './open-rows.ts';
import { trainingMetrics } from './training-metrics.ts';
import { checkHeldOut, tuningForecast, usesTemplate } from './tuning-inputs.ts';
import { mergeTuned, tuningPlaces } from './tuning-run.ts';
import { usesTasks } from './uses-tasks.ts';

export const grpo = defineStage({
  name: 'grpo',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', prompts: 'examples', heldOut: ['examples'], reward: ['reward'] },
  config: grpoStageConfig,
  output: 'model',
  resumes: true,
  dryRun: (config) => ({ ...oneTuningStep(config), samples: 2, maxTokens: 4 }),
  check({ heldOut, ...config }, inputs) {
    checkGrpoSettings({ heldOut: heldOut ?? DEFAULT_HELD_OUT, ...config });
    requireModelMade(config);
    checkHeldOut('grpo', heldOut, inputs.heldOut);
    checkRewardModels('grpo', inputs.reward);
    checkScoring(scoringOf(config, inputs.reward.length > 0 ? 'among the inputs' : undefined));
  },
  async uses(config) {
    const tasks = config.task === undefined ? [] : await findTasks([config.task]);
    return { ...(await usesTemplate(config)), ...(await usesTasks(tasks)) };
  },
  forecast({ config: { epochs = DEFAULT_GRPO_EPOCHS, heldOut = DEFAULT_HELD_OUT, ...config }, inputs }) {
    const { model, prompts: rows, heldOut: own } = inputs;
    const { samples, updates, maxTokens } = config;
    const evaluateTokens = Number.POSITIVE_INFINITY; // all of them are measured
    const forecast = tuningForecast(
      { ...config, epochs: epochs * updates, heldOut, evaluateTokens },
      { model, rows, own: own[0], texts: samples, answerTokens: maxTokens },
    );
    // Writing an answer takes as long as learning from it: our guess.
    return { ...forecast, seconds: forecast.seconds * (1 + 1 / updates) };
  },
  async open({ config, inputs }) {
    // What a reward model can score need not be asked of it: any text.
    using scorer =
      config.score === 'reward'
        ? { name: '', hash: '', score: () => [], [Symbol.dispose]() {} }
        : await openAnswerScorer(scoringOf(config, undefined));
    const alone = async (paths: string[]) => {
      for await (const _ of readPrompts(paths, scorer.columns));
    };
    await openRows(config, inputs, inputs.prompts, alone, (settings) => openPromptData(settings, scorer));
  },
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { score, field, task, ...settings } = config;
    const { model, prompts, reward } = inputs;
    using scorer = await openAnswerScorer(scoringOf({ score, field, task }, reward[0]?.path));
    const places = tuningPlaces(model, prompts, inputs.heldOut, heldOut, folder);
    const learned = await learn({ ...settings, ...places }, { scorer, resume: resumed, recipe, stream });
    const { interrupted, before, after } = learned;
    if (interrupted || !before || !after) return { interrupted: true };
    await mergeTuned(learned, config, { model, folder, recipe });
    return {
      metrics: [
        metric('held-out reward', after.reward),
        metric('held-out reward before', before.reward),
        metric('held-out reward without sampling', after.greedyReward),
        metric('tokens of an answer', after.answerTokens, 'tokens'),
        ...trainingMetrics(folder),
      ],
    };
  },
});

const scoringOf = (
  { score, field, task }: Omit<AnswerScoring, 'rewardModel'>,
  rewardModel: string | undefined,
): AnswerScoring => ({ score, field, task, rewardModel });
