// The settings that single tasks have beside those of every evaluation: --set lengths=1K,4K.
import { ConfigError, suggestion } from '../base/index.ts';
import type { Task } from './task.ts';

type Options = Readonly<Record<string, string>>;

/** Reads `name=value` pairs. @throws ConfigError for one without "=" */
export function parseTaskOptions(pairs: readonly string[]): Options {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new ConfigError('bad-option', `--set ${pair}: expected NAME=VALUE`, { fields: { option: pair } });
    }),
  );
}

/** Those of the options that the task knows. */
export function optionsOf(task: Task, options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(task.options ?? {}, name)));
}

/** @throws ConfigError for an option that none of the tasks knows */
export function checkTaskOptions(tasks: readonly Task[], options: Options): void {
  const known = [...new Set(tasks.flatMap((task) => Object.keys(task.options ?? {})))];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = tasks.map(({ name }) => name).join(', ');
  throw new ConfigError('unknown-option', `${names} ${tasks.length > 1 ? 'have' : 'has'} no setting "${unknown}"`, {
    remedy: known.length > 0 ? suggestion(unknown, known) : 'Leave --set away.',
    fields: { option: unknown, known },
  });
}
