// Stage: a model and prompts → preference pairs out of its own answers, scored by a rule, a task's own score, a judge or a reward model.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash } from '../base/index.ts';
import { findTasks } from '../eval/index.ts';
import { cacheBytes, type Plamo2Config } from '../lm/index.ts';
import { defineStage, metric, type StageForecast, type StageInput, type Uses } from '../recipe/index.ts';
import { Interrupt, Interrupted, unlessInterrupted } from '../run/index.ts';
import {
  checkPairsSettings,
  makePairs,
  type PairsResult,
  promptsOf,
  promptsToAnswer,
  reasons,
} from '../synth/index.ts';
import { openChat } from '../train/index.ts';
import { checkRewardModels } from './answer-scorer.ts';
import { pairsStageConfig } from './config.ts';
import { deviceHere, standInPairs } from './dry-run.ts';
import { forwardMemory } from './evaluate.ts';
import { modelConfigOf } from './model-config.ts';
import { chatBefore, isGiven } from './open-rows.ts';
import { secondsPerHeldOutToken } from './training-forecast.ts';
import { TOKENS_OF_AN_EXAMPLE, usesTemplate } from './tuning-inputs.ts';
import { usesTasks } from './uses-tasks.ts';

type Config = ReturnType<typeof pairsStageConfig.parse>;

/** Bytes of a row of prompts, of one of their tokens, and of what a pair says besides its texts; tokens of a prompt from a task. Our guesses. */
const [bytesPerRow, bytesPerToken, bytesBesides, taskRows, taskPromptTokens] = [200, 4, 600, 500, 200];
/** Writing a token takes as long as reading this many: our guess. */
const writing = 4;
/** Share of maxTokens that an answer has, and of the prompts that give a pair. Our guesses. */
const [answered, paired] = [0.5, 0.5];

export const pairs = defineStage({
  name: 'pairs',
  version: 1,
  makes: 'examples',
  inputs: { model: 'model', prompts: ['examples'], rewardModel: ['reward'] },
  config: pairsStageConfig,
  output: 'pairs',
  resumes: true,
  dryRun: ({ device }) => ({ limit: 4, samples: 2, maxTokens: 4, device: deviceHere(device) }),
  check(config, { prompts, rewardModel }) {
    checkRewardModels('pairs', rewardModel);
    checkPairsSettings({ ...config, ...(rewardModel.length > 0 && { rewardModel: '.' }) }, prompts.length > 0);
  },
  uses: async (config) => ({ ...(await usesTemplate(config)), ...(await usesScorer(config)) }),
  forecast({ config, inputs }) {
    const { prompts, promptTokens } = sizeOf(inputs.prompts, config);
    const own = forecastPairs(modelConfigOf(inputs.model), config, { prompts, read: prompts * promptTokens });
    const memory = inputs.rewardModel.map(({ bytes }) => ({ what: 'the reward model', bytes }));
    return { ...own, memory: [...own.memory, ...memory] };
  },
  async open({ config, inputs: { model, prompts } }) {
    if (prompts.length === 0 || !prompts.every(isGiven)) return;
    const settings = {
      ...config,
      prompts: prompts.flatMap((each) => [...each.paths]),
      rewardModel: undefined,
      out: '.',
    };
    const chat = chatBefore(model, config.template);
    const rows = await promptsOf({ ...settings, model: chat?.model ?? '.' });
    if (chat) await promptsToAnswer(rows, { ...openChat(chat.model, chat.template), limit: config.limit });
    else for await (const _ of rows);
  },
  async run({ config, inputs, folder, stream, dryRun }) {
    const abort = new AbortController();
    using _interrupt = new Interrupt((message) => {
      stream.write(`${message}\n`);
      abort.abort(new Interrupted('a signal asked to end'));
    });
    const paths = {
      model: inputs.model.path,
      prompts: inputs.prompts.flatMap((each) => [...each.paths]),
      rewardModel: inputs.rewardModel[0]?.path,
      out: folder,
    };
    try {
      const made = await unlessInterrupted(() => makePairs({ ...config, ...paths }, { stream, signal: abort.signal }));
      return made ? resultsOf(made, config) : { interrupted: true };
    } catch (error) {
      if (!dryRun) throw error;
      return standInPairs(join(folder, 'pairs', 'pairs.jsonl'), stream, { error, code: 'no-pairs' });
    }
  },
});

/** What it takes to answer prompts of so many tokens in all. */
export function forecastPairs(
  model: Plamo2Config,
  { samples, maxTokens, slots, pairsPerPrompt, device }: Config,
  { prompts, read }: { prompts: number; read: number },
): StageForecast {
  const promptTokens = read / prompts;
  const written = samples * answered * maxTokens;
  const length = Math.ceil(promptTokens) + maxTokens;
  const examples = Math.max(1, Math.round(prompts * pairsPerPrompt * paired));
  return {
    seconds: (read + writing * prompts * written) * secondsPerHeldOutToken(model, Math.max(16, length), device),
    memory: [
      ...forwardMemory(model, { batchTokens: Math.max(slots, Math.ceil(promptTokens)), sequenceLengths: [] }),
      { what: 'states of the answers', bytes: 2 * slots * cacheBytes(model, length) },
    ],
    diskBytes: Math.ceil(
      examples * (bytesBesides + bytesPerToken * (promptTokens + 2 * answered * maxTokens)) +
        prompts * samples * (100 + bytesPerToken * answered * maxTokens),
    ),
    metrics: { examples, [TOKENS_OF_AN_EXAMPLE]: promptTokens + answered * maxTokens },
    lowers: { time: ['limit', 'samples', 'maxTokens'], memory: ['slots', 'maxTokens'], disk: ['samples'] },
  };
}

function resultsOf(made: PairsResult, { samples }: Config) {
  const rows = Object.entries(made.withoutPair).map(([name, n]) => [reasons[name as keyof typeof reasons], n]);
  const without = Object.values(made.withoutPair).reduce((a, b) => a + b, 0);
  return {
    metrics: [
      metric('examples', made.pairs),
      metric(TOKENS_OF_AN_EXAMPLE, made.meanTokens, 'tokens'),
      metric('prompts', made.prompts),
      metric('prompts without a pair', without),
      metric('mean score', made.meanScore),
      ...(made.passAt1 === undefined
        ? []
        : [metric('pass@1', made.passAt1), metric(`pass@${samples}`, made.passAtAll!)]),
      metric('different answers to a prompt', made.distinct),
      metric('answers cut off', made.cutOff),
      metric('answers without a score', made.failed),
      metric('tokens written', made.tokens, 'tokens'),
    ],
    tables: [{ title: 'Prompts without a pair', columns: ['why', 'prompts'], rows }],
  };
}

/** Prompts, and tokens of one. */
function sizeOf(inputs: readonly StageInput[], { limit = Infinity }: Config) {
  if (inputs.length === 0) return { prompts: Math.min(limit, taskRows), promptTokens: taskPromptTokens };
  const bytes = inputs.reduce((sum, each) => sum + each.bytes, 0);
  const known = inputs.every(({ metrics }) => metrics['examples'] !== undefined);
  const rows = known ? inputs.reduce((sum, { metrics }) => sum + metrics['examples']!, 0) : bytes / bytesPerRow;
  const prompts = Math.max(1, Math.ceil(rows));
  return { prompts: Math.min(limit, prompts), promptTokens: Math.max(1, Math.ceil(bytes / prompts / bytesPerToken)) };
}

/** What scores besides the settings: a task's code and data, a judge that is a folder or a file here. */
async function usesScorer({ task: name, judgeModel, judgeEndpoint }: Config): Promise<Uses> {
  if (judgeModel !== undefined && judgeEndpoint === undefined && existsSync(judgeModel))
    return { judge: await contentHash(judgeModel) };
  return await usesTasks(name === undefined ? [] : await findTasks([name]));
}
