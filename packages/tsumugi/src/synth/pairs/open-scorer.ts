// The scorer that the settings ask for, and the prompts it is for.
import { DataError } from '../../base/index.ts';
import { findTasks, openBackend, sampleContext } from '../../eval/index.ts';
import { type PromptRow, readPrompts } from '../../text/index.ts';
import { judgeScorer, ruleScorer, type ScoreItem, type Scorer, taskPrompts } from '../scores/index.ts';
import type { PairsConfig } from './pairs-config.ts';

export interface OpenedScorer extends AsyncDisposable {
  readonly scorer: Scorer;
  /** Read one by one, and checked: a row that cannot be scored is an error of the data. */
  readonly prompts: AsyncIterable<PromptRow>;
}

export interface ScorerOptions {
  onFailure?: ((item: ScoreItem, reason: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** @throws ConfigError, UserError for a task or a judge that is not there */
export async function openScorer(config: PairsConfig, options: ScorerOptions = {}): Promise<OpenedScorer> {
  const { score, field, judgeModel, judgeEndpoint, judgeApiKeyEnv } = config;
  if (score === 'task') {
    const [task] = await findTasks([config.task!]);
    const { rows, scorer } = await taskPrompts(task!, sampleContext(task!, { chat: true, limit: config.limit }));
    const prompts = rows.map(({ prompt, ...values }, i): PromptRow => {
      const messages = typeof prompt === 'string' ? prompt : { messages: prompt as never };
      return { prompt: messages, values, source: { file: task!.name, row: i + 1 } };
    });
    return { scorer, prompts: each(prompts), [Symbol.asyncDispose]: async () => {} };
  }
  const judge =
    score === 'judge'
      ? await openBackend({
          model: judgeModel!,
          endpoint: judgeEndpoint,
          apiKeyEnv: judgeApiKeyEnv,
          ...chatAt(judgeEndpoint),
        })
      : undefined;
  const scorer = judge
    ? judgeScorer(judge, { ...options, reference: field })
    : ruleScorer(score as 'exact' | 'number', field);
  return {
    scorer,
    prompts: checked(readPrompts(config.prompts, field === undefined ? [] : [field]), scorer),
    [Symbol.asyncDispose]: async () => await judge?.[Symbol.asyncDispose](),
  };
}

const chatAt = (endpoint: string | undefined) => (endpoint === undefined ? {} : ({ chat: 'chat' } as const));

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* checked(rows: AsyncIterable<PromptRow>, scorer: Scorer): AsyncGenerator<PromptRow> {
  for await (const row of rows) {
    try {
      scorer.check?.(row.values);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const { file, row: place } = row.source;
      const [message] = error.message.split('\n  → ');
      throw new DataError(error.code, `${file}, row ${place}: ${message}`, {
        ...(error.remedy !== undefined && { remedy: error.remedy }),
        fields: { ...error.fields, ...row.source },
        cause: error,
      });
    }
    yield row;
  }
}
