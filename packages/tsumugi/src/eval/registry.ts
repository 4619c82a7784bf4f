// The tasks there are: found by looking, so a new one is a new file and no other change.
//
//   eval/tasks/*.ts        default export: a Task, or several in an array; files without one are helpers of the others
//   eval/tasks/*/task.ts   the same, for a benchmark that has a folder of its own
//   my-task.ts             a person's own file, named by its path
import { existsSync, readdirSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  DataError,
  importFile,
  moduleEnding,
  suggestion,
  TsumugiError,
  whyNotLoaded,
} from '../base/index.ts';
import type { Task } from './task.ts';
import { codeHash } from './task-code.ts';
import { taskFault } from './task-fault.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** The files that may hold tasks, in alphabetical order. */
export function taskFiles(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .filter((name) => name.endsWith(moduleEnding) && /^tasks\/([^/.]+|[^/]+\/task)\.[jt]s$/.test(name))
    .sort()
    .map((name) => resolve(folder, name));
}

/** @throws DataError when what the file exports by default is no task */
async function tasksIn(path: string): Promise<Task[]> {
  const { default: found } = await importFile(path);
  const tasks = found === undefined ? [] : Array.isArray(found) ? found : [found];
  for (const task of tasks) {
    const fault = taskFault(task);
    if (fault)
      throw new DataError('bad-task', `${path}: the default export is no task: ${fault}`, {
        remedy:
          'Export what generateTask, choiceTask or rollingTask returns, or an object with the fields of a Task (docs/eval.md).',
        fields: { path },
      });
  }
  return tasks as Task[];
}

/** Every task that comes with tsumugi, by name. Its data are not touched. */
export async function listTasks(): Promise<Task[]> {
  const tasks = (await Promise.all(taskFiles().map(tasksIn))).flat();
  const twice = tasks.find((task, i) => tasks.findIndex(({ name }) => name === task.name) < i);
  if (twice)
    throw new DataError('task-twice', `two tasks are called "${twice.name}"`, { remedy: 'Rename one of them.' });
  return tasks.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const isPath = (name: string) => /[/\\]|\.m?[jt]s$/.test(name);

/**
 * The tasks of these names, in their order; a name that is a path (`./my-task.ts`) stands for the tasks in that file.
 *
 * @throws ConfigError for a name that no task has, DataError for a file that is not there or holds none
 */
export async function findTasks(names: readonly string[]): Promise<Task[]> {
  const known = names.every(isPath) ? [] : await listTasks();
  const found: Task[] = [];
  for (const name of names) {
    if (isPath(name)) found.push(...(await ownTasks(name)));
    else {
      const task = known.find((each) => each.name === name);
      if (!task)
        throw new ConfigError('unknown-task', `there is no task "${name}"`, {
          remedy: `${suggestion(
            name,
            known.map((each) => each.name),
          )} See tsumugi eval --list.`,
          fields: { task: name },
        });
      found.push(task);
    }
  }
  return [...new Set(found)];
}

const codes = new WeakMap<Task, string>();

/** The hash of the code of a task from a person's own file; undefined for those that come with tsumugi: they have versions. */
export const codeOf = (task: Task): string | undefined => codes.get(task);

async function ownTasks(name: string): Promise<Task[]> {
  const path = resolve(name);
  if (!existsSync(path))
    throw new DataError('no-such-file', `${name} does not exist`, {
      remedy: 'Check the path of the task.',
      fields: { path },
    });
  const code = await codeHash(path);
  let tasks: Task[];
  try {
    tasks = await tasksIn(path);
  } catch (cause) {
    if (cause instanceof DataError && cause.fields['path'] === path) throw cause;
    if (cause instanceof TsumugiError)
      throw new DataError('bad-task', `${name}: ${cause.message}`, {
        ...(cause.remedy !== undefined && { remedy: cause.remedy }),
        fields: { ...cause.fields, path },
        cause,
      });
    throw new DataError('bad-task', `${name} cannot be loaded: ${whyNotLoaded(path, cause)}`, {
      remedy: 'Mend the file; --debug shows the whole stack.',
      fields: { path },
      cause,
    });
  }
  for (const task of tasks) codes.set(task, code);
  if (tasks.length > 0) return tasks;
  throw new DataError('bad-task', `${name} has no default export`, {
    remedy: 'End it with "export default" and what generateTask or choiceTask returns (docs/eval.md).',
    fields: { path },
  });
}
