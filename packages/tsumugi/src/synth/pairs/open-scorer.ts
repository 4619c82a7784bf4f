// The scorer that the settings ask for, and the prompts it is for.
import { DataError } from '../../base/index.ts';
import { findTasks, openBackend, sampleContext } from '../../eval/index.ts';
import { type PromptRow, readPrompts } from '../../text/index.ts';
import {
  type JudgeOptions,
  judgeScorer,
  openRewardScorer,
  type RuleName,
  ruleScorer,
  type Scorer,
  taskPrompts,
} from '../scores/index.ts';
import type { PairsConfig } from './pairs-config.ts';

export interface OpenedScorer extends AsyncDisposable {
  readonly scorer: Scorer;
  /** Read one by one, and checked: a row that cannot be scored is an error of the data. */
  readonly prompts: AsyncIterable<PromptRow>;
}

/** @throws ConfigError, UserError for a task, a judge or a reward model that is not there */
export async function openScorer(
  config: PairsConfig,
  options: Pick<JudgeOptions, 'onFailure' | 'signal'> = {},
): Promise<OpenedScorer> {
  if (config.score === 'task') return { ...(await ofTask(config)), [Symbol.asyncDispose]: async () => {} };
  await using stack = new AsyncDisposableStack();
  const scorer = await scorerOf(config, options, stack);
  const owned = stack.move();
  return { scorer, prompts: rowsOf(config, scorer), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The prompts by themselves, for a forecast: no judge is asked, and no model loaded. */
export async function promptsOf(config: PairsConfig): Promise<AsyncIterable<PromptRow>> {
  const { score, field } = config;
  if (score === 'task') return (await ofTask(config)).prompts;
  return rowsOf(config, score === 'judge' || score === 'reward' ? undefined : ruleScorer(score, field));
}

async function scorerOf(
  { score, field, judgeModel, judgeEndpoint, judgeApiKeyEnv, rewardModel, device, dtype }: PairsConfig,
  options: Pick<JudgeOptions, 'onFailure' | 'signal'>,
  stack: AsyncDisposableStack,
): Promise<Scorer> {
  if (score === 'judge') {
    const how = judgeEndpoint === undefined ? {} : ({ endpoint: judgeEndpoint, chat: 'chat' } as const);
    const judge = stack.use(await openBackend({ model: judgeModel!, apiKeyEnv: judgeApiKeyEnv, ...how }));
    return judgeScorer(judge, { ...options, reference: field });
  }
  if (score !== 'reward') return ruleScorer(score as RuleName, field);
  return stack.use(await openRewardScorer(rewardModel!, { device, dtype })).scorer;
}

async function ofTask({ task: name, limit }: PairsConfig): Promise<Pick<OpenedScorer, 'scorer' | 'prompts'>> {
  const [task] = await findTasks([name!]);
  const { rows, scorer } = await taskPrompts(task!, sampleContext(task!, { chat: true, limit }));
  const prompts = rows.map(({ prompt, ...values }, i): PromptRow => {
    const asked = typeof prompt === 'string' ? prompt : { messages: prompt as never };
    return { prompt: asked, values, source: { file: task!.name, row: i + 1 } };
  });
  return { scorer, prompts: each(prompts) };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const rowsOf = ({ prompts, field }: PairsConfig, scorer: Scorer | undefined) =>
  checked(readPrompts(prompts, field === undefined ? [] : [field]), scorer);

async function* checked(rows: AsyncIterable<PromptRow>, scorer: Scorer | undefined): AsyncGenerator<PromptRow> {
  for await (const row of rows) {
    try {
      scorer?.check?.(row.values);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const { file, row: place } = row.source;
      throw new DataError(error.code, `${file}, row ${place}: ${error.fault}`, {
        ...(error.remedy !== undefined && { remedy: error.remedy }),
        fields: { ...error.fields, ...row.source },
        cause: error,
      });
    }
    yield row;
  }
}
