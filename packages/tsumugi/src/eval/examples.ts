// What tasks made by `sampleTask` and `choiceTask` check of their data: that there are as many examples as are asked for, and that
// the right choice is one of the choices.
import { ConfigError, DataError } from '../base/index.ts';
import type { TaskContext } from './task.ts';

/**
 * The examples that a prompt shows: the first `--shots` of those there are, otherwise the task's own number.
 *
 * @throws ConfigError when more are asked for than there are
 */
export function examplesOf<S>(
  examples: readonly S[],
  shots: number,
  context: Pick<TaskContext, 'shots'>,
): readonly S[] {
  requireExamples(examples.length, context);
  return examples.slice(0, context.shots ?? shots);
}

/** @throws ConfigError when more examples are asked for than there are */
export function requireExamples(available: number, { shots = 0 }: Pick<TaskContext, 'shots'>): void {
  if (shots <= available) return;
  throw new ConfigError('too-many-shots', `--shots ${shots} asks for more examples than the ${available} there are`, {
    remedy: `Ask for ${available} at most, or put the data set's training file beside the others where it has one.`,
    fields: { shots, available },
  });
}

/** The index of the right choice. @throws DataError when it is that of none: every answer would be wrong */
export function targetOf(task: string, id: string, choices: readonly string[], target: number): number {
  if (Number.isInteger(target) && target >= 0 && target < choices.length) return target;
  throw new DataError(
    'bad-target',
    `${task}, sample "${id}": the right choice is number ${target} of ${choices.length}`,
    {
      remedy: 'Check the data, and what `target` makes of them: an index from 0.',
      fields: { task, sample: id, target, choices },
    },
  );
}
