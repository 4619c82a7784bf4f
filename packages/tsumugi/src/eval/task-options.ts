// The settings that single tasks have beside those of every evaluation: --set lengths=1K,4K.
import { ConfigError, kindOf, suggestion } from '../base/index.ts';
import type { Task } from './task.ts';

type Options = Readonly<Record<string, string>>;

/** Reads `name=value` pairs. @throws ConfigError for one without "=", and a name that comes twice */
export function parseTaskOptions(pairs: readonly string[]): Options {
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw new ConfigError('bad-option', `--set ${pair}: expected NAME=VALUE`, {
        remedy: 'Write for instance --set samples=10; tsumugi eval --list shows the names.',
        fields: { option: pair },
      });
    const name = pair.slice(0, at);
    if (options.has(name))
      throw new ConfigError('bad-option', `--set ${name} is given twice`, {
        remedy: 'Leave one of them out; lists are written with commas.',
        fields: { option: name },
      });
    options.set(name, pair.slice(at + 1));
  }
  return Object.fromEntries(options);
}

/** Those of the options that the task knows. */
export function optionsOf(task: Task, options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(task.options ?? {}, name)));
}

/** The first option that none of the tasks knows, with those they know; undefined when all are known. */
export function unknownOption(tasks: readonly Task[], options: Options): { name: string; known: string[] } | undefined {
  const known = [...new Set(tasks.flatMap((task) => Object.keys(task.options ?? {})))];
  const name = Object.keys(options).find((option) => !known.includes(option));
  return name === undefined ? undefined : { name, known };
}

/** @throws ConfigError for an option that none of the tasks knows */
export function checkTaskOptions(tasks: readonly Task[], options: Options): void {
  if (typeof options !== 'object' || Array.isArray(options))
    throw new ConfigError('bad-option', `taskOptions are an object of texts, got ${kindOf(options)}`, {
      remedy: "Write for instance { samples: '10' }.",
    });
  const bad = Object.keys(options).find((name) => typeof options[name] !== 'string');
  if (bad !== undefined)
    throw new ConfigError('bad-option', `the task option "${bad}" is ${kindOf(options[bad])}, not a text`, {
      remedy: `Write { ${bad}: '…' }, as after --set.`,
      fields: { option: bad },
    });
  const unknown = unknownOption(tasks, options);
  if (unknown === undefined) return;
  const { name, known } = unknown;
  const names = tasks.map((task) => task.name).join(', ');
  throw new ConfigError('unknown-option', `${names} ${tasks.length > 1 ? 'have' : 'has'} no setting "${name}"`, {
    remedy: known.length > 0 ? suggestion(name, known) : 'Leave --set away.',
    fields: { option: name, known },
  });
}
