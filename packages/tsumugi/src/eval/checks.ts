// What is checked around a task: the settings before it is run, and what it found, so that no metric is taken over what is none.
import { ConfigError, DataError } from '../base/index.ts';
import type { AnswerCounts } from './answer-counts.ts';
import { checkMetric, distinctIds } from './made-task.ts';
import type { Task, TaskResult } from './task.ts';

interface Settings {
  limit: number | undefined;
  shots: number | undefined;
  seed: number;
}

/** @throws ConfigError for what is no count or seed, and for examples that no task would show */
export function checkSettings({ limit, shots, seed }: Settings, tasks: readonly Task[]): void {
  const whole = (name: string, value: number | undefined, from: number, to: number) => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= from && value <= to)) return;
    throw new ConfigError('bad-option', `${name} should be a whole number from ${from} to ${to} but is ${value}`, {
      remedy: `Leave ${name} out, or give such a number.`,
      fields: { option: name, value },
    });
  };
  whole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
  whole('shots', shots, 0, Number.MAX_SAFE_INTEGER);
  whole('seed', seed, 0, 2 ** 32 - 1);
  if (shots !== undefined && tasks.every((task) => task.shots === undefined))
    throw new ConfigError(
      'no-shots',
      `--shots has no effect: there are no examples in the prompts of ${tasks.map(({ name }) => name).join(', ')}`,
      { remedy: 'Leave --shots out.', fields: { shots } },
    );
}

/** @throws ConfigError for a task that needs what is not there */
export function checkNeeds({ name, needs = [] }: Task, has: { judge: boolean; chat: boolean }): void {
  if (needs.includes('judge') && !has.judge)
    throw new ConfigError('no-judge', `${name} is graded by a judge, and none was given`, {
      remedy: 'Name a strong model that chats with --judge-model, and its service with --judge-endpoint.',
    });
  if (needs.includes('chat') && !has.chat)
    throw new ConfigError('needs-chat', `${name} holds conversations, and this model was not made for them`, {
      remedy: 'Ask an endpoint with --chat chat, or take a GGUF with a chat template; or choose another task.',
    });
}

/** @throws DataError naming the sample whose metric is no number, or whose id comes twice; ConfigError where the task's metric is none */
export function checkRecords(task: Task, { records, aggregate }: TaskResult): void {
  if (!Array.isArray(records) || !records.every((record) => typeof record?.id === 'string' && record.metrics))
    throw new DataError('bad-result', `${task.name} returned no list of records with "id" and "metrics"`, {
      remedy: 'Return { records, settings, promptHash } from its run (docs/eval.md).',
      fields: { task: task.name },
    });
  if (records.length === 0)
    throw new DataError('no-samples', `${task.name} has no samples`, {
      remedy: 'Check its data: there is nothing to measure, and that is no score of 0.',
    });
  distinctIds(task.name, records);
  for (const { id, metrics } of records)
    for (const [metric, value] of Object.entries(metrics))
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw new DataError(
          'bad-metric',
          `${task.name}, sample "${id}": ${metric} is ${typeof value === 'string' ? JSON.stringify(value) : value}, which is no finite number`,
          {
            remedy: 'Leave a metric out of the record where there is none, or mend how it is taken.',
            fields: { task: task.name, sample: id, metric, value },
          },
        );
  checkMetric(
    task,
    records.flatMap(({ metrics }) => Object.keys(metrics)),
    aggregate,
  );
}

/** @throws DataError when not one text came: a metric over nothing but refusals would look like a bad model */
export function checkAnswers(task: Task, answers: AnswerCounts | undefined): void {
  if (!answers || answers.filtered + answers.refused < answers.texts) return;
  throw new DataError(
    'all-refused',
    `${task.name}: the service filtered or refused all ${answers.texts} prompts, so there is nothing to grade`,
    {
      remedy: 'Evaluate at another service, or another model.',
      fields: { task: task.name, answers },
    },
  );
}
