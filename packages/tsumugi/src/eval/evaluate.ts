// An evaluation: tasks, one after the other, ask a model through the cache; metrics and their intervals are taken over the
// records they return.
import { ConfigError, checkOptions, inOwnCode, kindOf, type OptionNames } from '../base/index.ts';
import { AnswerCache } from './answer-cache.ts';
import type { Backend } from './backend.ts';
import { CachedClient, Interrupted, type RequestState } from './cached-client.ts';
import { checkAnswers, checkNeeds, checkRecords, checkSettings } from './checks.ts';
import { dataFile, defaultDataFolder } from './data-folder.ts';
import { type EvaluationReport, reportTask } from './report.ts';
import { contextOf } from './sample-context.ts';
import { requestKind, type Task, type TaskContext } from './task.ts';
import { taskFault } from './task-fault.ts';
import { checkTaskOptions } from './task-options.ts';

export interface EvaluateOptions {
  tasks: readonly Task[];
  /** The model under test. It stays open. */
  backend: Backend;
  /** Grades answers, for the tasks that need it. */
  judge?: Backend | undefined;
  /** Where data sets lie. Default: `TSUMUGI_BENCHMARKS`, otherwise `benchmarks`. */
  dataFolder?: string | undefined;
  /** Folder where answers are kept. None: they are not kept. */
  cache?: string | undefined;
  /** Samples of a task at most. */
  limit?: number | undefined;
  /** Examples in the prompt, instead of the task's own number. */
  shots?: number | undefined;
  /** Default 0. */
  seed?: number | undefined;
  /** Settings of single tasks (`Task.options`): each gets those that it knows. */
  taskOptions?: Readonly<Record<string, string>> | undefined;
  /** Whether the report holds a record per sample with what was asked, answered and expected. */
  keepTexts?: boolean | undefined;
  /** Stops after what is being asked; `interrupted` is true in the report. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

const optionNames: OptionNames<EvaluateOptions> = {
  tasks: true,
  backend: true,
  judge: true,
  dataFolder: true,
  cache: true,
  limit: true,
  shots: true,
  seed: true,
  taskOptions: true,
  keepTexts: true,
  signal: true,
  onProgress: true,
};

/** @throws ConfigError for what is no list of tasks */
function requireTasks(tasks: unknown): void {
  const fault = Array.isArray(tasks)
    ? tasks.map(taskFault).find((each) => each !== undefined)
    : `it is ${kindOf(tasks)}, not a list`;
  if (fault === undefined) return;
  throw new ConfigError('bad-task', `evaluate: "tasks" is no list of tasks: ${fault}`, {
    remedy: 'Give what findTasks, generateTask, choiceTask or rollingTask returns, in a list.',
  });
}

export interface EvaluationProgress extends RequestState {
  task: string;
  /** Index of the task, and their number. */
  index: number;
  tasks: number;
}

/**
 * Evaluates tasks.
 *
 * @throws ConfigError or DataError before anything is asked, when the backend cannot answer a task's requests or its data are
 *   not there; UserError when the backend refuses a request
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationReport> {
  checkOptions('evaluate', options, optionNames);
  const { tasks, backend, judge, limit, shots, seed = 0, keepTexts = false, signal, onProgress } = options;
  requireTasks(tasks);
  const dataFolder = options.dataFolder ?? defaultDataFolder();
  const taskOptions = options.taskOptions ?? {};
  checkSettings({ limit, shots, seed }, tasks);
  checkTaskOptions(tasks, taskOptions);
  for (const task of tasks) check(task, backend, judge, dataFolder);
  using cache = options.cache === undefined ? undefined : new AnswerCache(options.cache, backend);
  using judgeCache = options.cache === undefined || !judge ? undefined : new AnswerCache(options.cache, judge);
  const report: EvaluationReport = { interrupted: false, tasks: [] };
  for (const [index, task] of tasks.entries()) {
    const start = performance.now();
    const client: CachedClient = new CachedClient(backend, {
      cache,
      signal,
      onChange: () => onProgress?.({ ...client.state, task: task.name, index, tasks: tasks.length }),
    });
    const judgeClient = judge && new CachedClient(judge, { cache: judgeCache, signal });
    const context: TaskContext = {
      ...contextOf(task, dataFolder, {
        limit,
        shots,
        seed,
        options: taskOptions,
        chat: backend.chat ?? false,
        countTokens: backend.countTokens && ((text) => backend.countTokens!(text)),
      }),
      ask: (requests, ids) => client.ask(requests, ids),
      judge: judgeClient && { name: judge.model, ask: (requests, ids) => judgeClient.ask(requests, ids) },
      keepTexts,
      model: { kind: backend.kind, model: backend.model },
    };
    try {
      const result = await task.run(context);
      checkRecords(task, result);
      checkAnswers(task, client.answers);
      report.tasks.push(
        reportTask(task, result, {
          backend,
          limit,
          seed,
          keepTexts,
          judge: judgeClient && judgeClient.state.requests > 0 ? judge : undefined,
          client: client.state,
          answers: client.answers,
          judgeAnswers: judgeClient?.answers,
          requestsHash: client.requestsHash,
          seconds: (performance.now() - start) / 1000,
        }),
      );
    } catch (error) {
      if (!(error instanceof Interrupted))
        throw inOwnCode(
          `task ${task.name}`,
          error,
          'Mend it there. An answer may be an empty text, so score has to take one.',
        );
      return { ...report, interrupted: true };
    }
  }
  return report;
}

function check(task: Task, backend: Backend, judge: Backend | undefined, dataFolder: string): void {
  const kind = requestKind(task);
  if (!backend.kinds.has(kind))
    throw new ConfigError(
      'cannot-ask',
      `${task.name} asks for ${asked[kind]}, which ${backend.model} (${backend.kind}) cannot give`,
      { remedy: 'Evaluate it with a model folder or a GGUF, or choose a task that only generates.' },
    );
  checkNeeds(task, { judge: judge !== undefined, chat: backend.chat ?? false });
  for (const name of task.data?.files ?? []) dataFile(dataFolder, task.data!, name);
}

const asked = {
  generate: 'generated text',
  choices: 'probabilities of choices',
  rolling: 'probabilities of whole texts',
} as const;
