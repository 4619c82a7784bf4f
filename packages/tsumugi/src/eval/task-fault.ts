// Whether what a file exports is a task: `node file.ts` checks no types.
import { nearest } from '../base/index.ts';
import type { Task } from './task.ts';

type Type = 'string' | 'number' | 'function' | 'object' | 'boolean';

const required = {
  name: 'string',
  version: 'number',
  summary: 'string',
  metric: 'string',
  kind: 'string',
  samples: 'function',
  prompt: 'function',
  run: 'function',
} as const;
const optional = {
  lowerIsBetter: 'boolean',
  options: 'object',
  data: 'object',
  shots: 'number',
  needs: 'object',
} as const;
const byKind: Readonly<Record<Task['kind'], Readonly<Record<string, Type>>>> = {
  generate: { reference: 'function', score: 'function' },
  choices: { choices: 'function', reference: 'function', score: 'function' },
  rolling: { score: 'function' },
  judged: { reference: 'function' },
};

/** What is wrong with it, in words; undefined when it is a task. */
export function taskFault(task: unknown): string | undefined {
  if (typeof task !== 'object' || task === null) return `it is ${task === null ? 'null' : `a ${typeof task}`}`;
  const fields = task as Readonly<Record<string, unknown>>;
  const wrong = (types: Readonly<Record<string, Type>>, maybe = false) => {
    const name = Object.keys(types).find(
      (each) => !(maybe && fields[each] === undefined) && !fits(fields, types, each),
    );
    if (name === undefined) return undefined;
    if (fields[name] !== undefined) return `"${name}" is no ${types[name]}`;
    const near = nearest(
      name,
      Object.keys(fields).filter((each) => !(each in types)),
    );
    return `"${name}" is missing${near === undefined ? '' : `, and "${near}" is no field of a task`}`;
  };
  const fault = wrong(required) ?? wrong(optional, true);
  if (fault !== undefined) return fault;
  const { kind, data, needs = [] } = fields as { kind: string; data?: unknown; needs?: unknown };
  if (data !== undefined && !isSource(data as Readonly<Record<string, unknown>>))
    return '"data" is no object with "files" (a list of texts), "origin" and "licence"';
  if (!Array.isArray(needs) || !needs.every((need) => need === 'judge' || need === 'chat'))
    return '"needs" is no list of "judge", "chat"';
  const kinds = Object.keys(byKind);
  if (!kinds.includes(kind)) return `"kind" is "${kind}", which is none of ${kinds.join(', ')}`;
  if (kind === 'judged' && fields['score'] !== undefined)
    return 'a judged task has no "score": its judge is asked in "run"';
  return wrong(byKind[kind as Task['kind']]);
}

const fits = (fields: Readonly<Record<string, unknown>>, types: Readonly<Record<string, Type>>, name: string) =>
  typeof fields[name] === types[name] && fields[name] !== null;

const isSource = ({ files, origin, licence }: Readonly<Record<string, unknown>>) =>
  Array.isArray(files) &&
  [...files, origin, licence].every((each) => typeof each === 'string' && each !== '') &&
  files.length > 0;
