// An evaluation task as prompts and scorer: its samples are what is asked, and its own `score` is what an answer is worth.
import { DataError, sha256, UserError } from '../../base/index.ts';
import { codeOf, type GenerateTask, type Sample, type SampleContext, type Task } from '../../eval/index.ts';
import type { ScoredRow, Scorer } from './scorer.ts';

export interface TaskPrompts {
  /** `prompt` as the task words it, and the sample's `id`. */
  readonly rows: readonly ScoredRow[];
  readonly scorer: Scorer;
}

/**
 * The samples of a task in which a text is written.
 *
 * @throws UserError for a task of another kind; DataError as `task.samples`
 */
export async function taskPrompts(task: Task, context: SampleContext): Promise<TaskPrompts> {
  if (task.kind !== 'generate')
    throw new UserError('no-rule', `${task.name} cannot score an answer: ${kinds[task.kind]}`, {
      remedy: 'Choose a task in which a text is written (tsumugi eval --list).',
      fields: { task: task.name },
    });
  const { samples, shots } = await task.samples(context);
  const prompts = samples.map((sample) => task.prompt(sample, shots, context));
  const rows = samples.map(({ id }, i) => ({ id, prompt: prompts[i]! }));
  return { rows, scorer: scorerOf(task, samples) };
}

const kinds = {
  choices: 'it weighs the likelihood of choices',
  rolling: 'it measures how well a text is predicted',
  judged: 'a judge grades its answers',
} as const;

function scorerOf(task: GenerateTask, samples: readonly Sample[]): Scorer {
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const sampleOf = (row: ScoredRow): Sample => {
    const sample = byId.get(String(row['id']));
    if (sample) return sample;
    throw new DataError('no-sample', `${task.name} has no sample with the id ${JSON.stringify(row['id'])}`, {
      remedy: 'Give the rows that taskPrompts made.',
      fields: { task: task.name },
    });
  };
  return {
    name: `${task.name} ${task.metric}`,
    hash: sha256(`task 2 ${JSON.stringify([task.name, codeOf(task) ?? task.version, task.metric, samples])}`),
    check: (row) => void sampleOf(row),
    async score(items) {
      return items.map(({ row, answer }) => {
        const value = task.score(sampleOf(row), answer)[task.metric] ?? Number.NaN;
        return task.lowerIsBetter ? -value : value;
      });
    },
  };
}
