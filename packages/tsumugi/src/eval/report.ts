// What an evaluation found: plain JSON, with everything that is needed to know what was measured.

import { deriveSeed } from '../base/index.ts';
import type { Heatmap } from '../draw/index.ts';
import type { AnswerCounts } from './answer-counts.ts';
import type { Backend } from './backend.ts';
import type { RequestState } from './cached-client.ts';
import { codeOf } from './registry.ts';
import { bootstrap, bootstrapMean, type Interval } from './statistics.ts';
import type { SampleRecord, Task, TaskResult } from './task.ts';

type Settings = Readonly<Record<string, string | number | boolean>>;

/** Which model answered. */
export interface ModelIdentity {
  kind: string;
  model: string;
  fingerprint: string;
  settings: Settings;
}

export interface GroupReport {
  /** Records in the group. */
  n: number;
  metrics: Record<string, Interval>;
}

export interface TaskReport {
  task: string;
  version: number;
  /** Of a task of one's own: the hash of its code. */
  code?: string;
  /** The metric to look at first. */
  metric: string;
  lowerIsBetter: boolean;
  metrics: Record<string, Interval>;
  groups: Record<string, GroupReport>;
  /** Records. */
  n: number;
  model: ModelIdentity;
  judge?: ModelIdentity;
  /** The task's own, with `limit` where the samples were limited. */
  settings: Settings;
  /** Of the wording. */
  promptHash: string;
  /** Of everything that was asked, in order: data, prompts, decoding. */
  requestsHash: string;
  seed: number;
  seconds: number;
  /** Different requests to the model that the cache answered, and that the model answered now. */
  cached: number;
  asked: number;
  /** What became of the texts that were asked for, of the model and of the judge. */
  answers?: AnswerCounts;
  judgeAnswers?: AnswerCounts;
  heatmap?: Heatmap;
  /** With the texts: on request only. */
  records?: SampleRecord[];
}

export interface EvaluationReport {
  /** True when it was stopped: tasks that were not complete are missing. */
  interrupted: boolean;
  tasks: TaskReport[];
}

export function identityOf({ kind, model, fingerprint, settings }: Backend): ModelIdentity {
  return { kind, model, fingerprint, settings };
}

/** Metrics over records: the task's aggregates, otherwise the mean of each metric over the records that have it. */
export function metricsOf(
  records: readonly SampleRecord[],
  aggregate: TaskResult['aggregate'],
  seed: number,
): Record<string, Interval> {
  if (aggregate)
    return Object.fromEntries(
      Object.entries(aggregate).map(([name, statistic]) => [name, bootstrap(records, statistic, { seed })]),
    );
  const names = new Set(records.flatMap(({ metrics }) => Object.keys(metrics)));
  const values = (name: string) =>
    records.map(({ metrics }) => metrics[name]).filter((value): value is number => value !== undefined);
  return Object.fromEntries([...names].map((name) => [name, bootstrapMean(values(name), { seed })]));
}

/** The report of a task, from what it found and how it was asked. */
export function reportTask(
  task: Task,
  result: TaskResult,
  context: {
    backend: Backend;
    judge: Backend | undefined;
    client: Pick<RequestState, 'cached' | 'asked'>;
    answers: AnswerCounts | undefined;
    judgeAnswers: AnswerCounts | undefined;
    requestsHash: string;
    seed: number;
    limit: number | undefined;
    seconds: number;
    keepTexts: boolean;
  },
): TaskReport {
  const { records, aggregate, settings, promptHash, heatmap } = result;
  const code = codeOf(task);
  const { backend, judge, client, answers, judgeAnswers, requestsHash, seed, limit, seconds, keepTexts } = context;
  const resampling = deriveSeed(seed, 'bootstrap', task.name);
  const groups = new Map<string, SampleRecord[]>();
  for (const record of records)
    for (const group of record.groups ?? []) {
      const members = groups.get(group) ?? [];
      members.push(record);
      groups.set(group, members);
    }
  return {
    task: task.name,
    version: task.version,
    ...(code !== undefined && { code }),
    metric: task.metric,
    lowerIsBetter: task.lowerIsBetter ?? false,
    metrics: metricsOf(records, aggregate, resampling),
    groups: Object.fromEntries(
      [...groups].map(([name, members]) => [
        name,
        { n: members.length, metrics: metricsOf(members, aggregate, resampling) },
      ]),
    ),
    n: records.length,
    model: identityOf(backend),
    ...(judge && { judge: identityOf(judge) }),
    settings: { ...settings, ...(limit !== undefined && { limit }) },
    promptHash,
    requestsHash,
    seed,
    seconds,
    cached: client.cached,
    asked: client.asked,
    ...(answers && { answers }),
    ...(judgeAnswers && { judgeAnswers }),
    ...(heatmap && { heatmap }),
    ...(keepTexts && { records }),
  };
}
