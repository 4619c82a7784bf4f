// What is checked of the data of a task: that there are as many examples as are asked for, and that the right choice is one of the
// choices.
import { ConfigError, DataError } from '../base/index.ts';
import type { SampleContext, TaskInfo } from './task.ts';

/**
 * The examples that a prompt shows: the first `--shots` of those there are, otherwise the task's own number.
 *
 * @throws ConfigError when more are asked for than there are
 */
export function examplesOf<S>(
  examples: readonly S[],
  shots: number,
  context: Pick<SampleContext, 'shots'>,
): readonly S[] {
  requireExamples(examples.length, context);
  return examples.slice(0, context.shots ?? shots);
}

/** @throws ConfigError when more examples are asked for than there are */
export function requireExamples(available: number, { shots = 0 }: Pick<SampleContext, 'shots'>): void {
  if (shots <= available) return;
  throw new ConfigError('too-many-shots', `--shots ${shots} asks for more examples than the ${available} there are`, {
    remedy: `Ask for ${available} at most, or put the data set's training file beside the others where it has one.`,
    fields: { shots, available },
  });
}

/**
 * The index of the right choice.
 *
 * @param at place of the sample among those that were read, where it is known
 * @throws DataError when it is that of none, since every answer would be wrong; or when the choices are no texts
 */
export function targetOf(
  { name, data }: Pick<TaskInfo, 'name' | 'data'>,
  { id }: { id: string },
  choices: readonly string[],
  target: number,
  at?: number,
): number {
  const file = data?.files.join(', ');
  const refuse = (field: string, fault: string, remedy: string) => {
    const place = at === undefined ? '' : `, sample ${at + 1}${file === undefined ? '' : ` of ${file}`}`;
    return new DataError('bad-target', `${name}, sample "${id}": ${fault} ("${field}"${place})`, {
      remedy,
      fields: { task: name, file, row: at === undefined ? undefined : at + 1, sample: id, field, target, choices },
    });
  };
  if (!Array.isArray(choices) || choices.length === 0 || !choices.every((each) => typeof each === 'string' && each))
    throw refuse('choices', 'its choices are no list of texts', 'Give each question one text or more to choose from.');
  if (Number.isInteger(target) && target >= 0 && target < choices.length) return target;
  throw refuse(
    'target',
    `the right choice is number ${target} of ${choices.length}`,
    'Check the data, and what `target` makes of them: an index from 0.',
  );
}
