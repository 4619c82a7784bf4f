// Whether what is given for a task is one: `node file.ts` checks no types.
import { isObject, kindOf, nearest } from '../base/index.ts';
import type { Task } from './task.ts';

type Fields = Readonly<Record<string, unknown>>;
type Type = 'string' | 'number' | 'function' | 'boolean';

const info = { name: 'string', version: 'number', summary: 'string', metric: 'string' } as const;
const optional = { lowerIsBetter: 'boolean', shots: 'number' } as const;
const work = { kind: 'string', samples: 'function', prompt: 'function', run: 'function' } as const;
const byKind: Readonly<Record<Task['kind'], Readonly<Record<string, Type>>>> = {
  generate: { reference: 'function', score: 'function' },
  choices: { choices: 'function', reference: 'function', score: 'function' },
  rolling: { score: 'function' },
  judged: { reference: 'function' },
};

function wrong(fields: Fields, types: Readonly<Record<string, Type>>, maybe = false): string | undefined {
  const name = Object.keys(types).find((each) =>
    fields[each] === undefined ? !maybe : typeof fields[each] !== types[each],
  );
  if (name === undefined) return undefined;
  if (fields[name] !== undefined) return `"${name}" is no ${types[name]}`;
  const near = nearest(
    name,
    Object.keys(fields).filter((each) => !(each in types)),
  );
  return `"${name}" is missing${near === undefined ? '' : `, and "${near}" is no field of a task`}`;
}

/** What is wrong with what a task says of itself (`TaskInfo`), in words. */
export function infoFault(fields: Fields): string | undefined {
  const { options, data, needs = [] } = fields;
  const fault = wrong(fields, info) ?? wrong(fields, optional, true);
  if (fault !== undefined) return fault;
  if (options !== undefined && !(isObject(options) && Object.values(options).every((each) => typeof each === 'string')))
    return '"options" is no object of names and what they are, each a text';
  if (data !== undefined && !isSource(data))
    return '"data" is no object with "files" (a list of texts), "origin" and "licence"';
  if (!Array.isArray(needs) || !needs.every((need) => need === 'judge' || need === 'chat'))
    return '"needs" is no list of "judge", "chat"';
  return undefined;
}

/** What is wrong with it, in words; undefined when it is a task. */
export function taskFault(task: unknown): string | undefined {
  if (!isObject(task)) return `it is ${typeof task === 'object' ? kindOf(task) : `a ${typeof task}`}`;
  const fault = wrong(task, { ...info, ...work }) ?? infoFault(task);
  if (fault !== undefined) return fault;
  const kinds = Object.keys(byKind);
  const kind = task['kind'] as string;
  if (!kinds.includes(kind)) return `"kind" is "${kind}", which is none of ${kinds.join(', ')}`;
  if (kind === 'judged' && task['score'] !== undefined)
    return 'a judged task has no "score": its judge is asked in "run"';
  return wrong(task, byKind[kind as Task['kind']]);
}

const isSource = (data: unknown) =>
  isObject(data) &&
  Array.isArray(data['files']) &&
  data['files'].length > 0 &&
  [...data['files'], data['origin'], data['licence']].every((each) => typeof each === 'string' && each !== '');
