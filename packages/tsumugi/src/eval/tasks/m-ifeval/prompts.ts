// The data of M-IFEval-ja in its original format: JSON lines of {key, prompt, instruction_id_list, kwargs}.
import { DataError, isObject, parseJson, suggestion } from '../../../base/index.ts';
import { readUtf8 } from '../../read-utf8.ts';
import { verifiers } from './registry.ts';
import { type Check, Fields, type Tools } from './verifier.ts';

export interface Instruction {
  /** "ja:letters:furigana" */
  id: string;
  passes: Check;
}

export interface InstructionPrompt {
  /** The data's key. */
  id: string;
  prompt: string;
  instructions: readonly Instruction[];
}

function problem(file: string, line: number, field: string, message: string, remedy: string): DataError {
  return new DataError('m-ifeval-data', `${file}, line ${line}: ${message}`, { remedy, fields: { file, line, field } });
}

const asPublished = 'Use ja_input_data.jsonl of M-IFEval as published';

function readPrompt(file: string, line: number, source: string, tools: Tools): InstructionPrompt {
  const wrong = (field: string, expected: string) =>
    problem(file, line, field, `"${field}" should be ${expected}`, asPublished);
  let row: Record<string, unknown>;
  try {
    row = parseJson(source) as Record<string, unknown>;
  } catch (cause) {
    throw problem(file, line, '', `not JSON: ${(cause as Error).message}`, asPublished);
  }
  const { key, prompt, instruction_id_list: ids, kwargs } = row ?? {};
  if (!Number.isInteger(key)) throw wrong('key', 'a whole number');
  if (typeof prompt !== 'string' || prompt.trim() === '') throw wrong('prompt', 'a text');
  if (!Array.isArray(ids) || ids.length === 0) throw wrong('instruction_id_list', 'a list of instruction ids');
  if (!Array.isArray(kwargs) || kwargs.length !== ids.length)
    throw wrong('kwargs', `a list of ${ids.length} objects, one per instruction`);
  const instructions = ids.map((id: unknown, i): Instruction => {
    const verifier = typeof id === 'string' && Object.hasOwn(verifiers, id) ? verifiers[id] : undefined;
    if (!verifier) {
      const near = suggestion(String(id), Object.keys(verifiers));
      throw problem(file, line, 'instruction_id_list', `"instruction_id_list" has the unknown id "${id}"`, near);
    }
    const values: unknown = kwargs[i];
    if (!isObject(values)) throw wrong('kwargs', 'a list of objects');
    const fields = new Fields(values, file, line, id as string);
    const passes = verifier(fields, tools);
    fields.end();
    return { id: id as string, passes };
  });
  return { id: String(key), prompt, instructions };
}

/** @throws DataError naming file, line and field of what is not as it should be */
export function readPrompts(file: string, tools: Tools): InstructionPrompt[] {
  const lineOf = new Map<string, number>();
  return readUtf8(file)
    .split('\n')
    .flatMap((row, i) => {
      if (row.trim() === '') return [];
      const prompt = readPrompt(file, i + 1, row, tools);
      const before = lineOf.get(prompt.id);
      if (before !== undefined)
        throw problem(file, i + 1, 'key', `the key ${prompt.id} is that of line ${before}`, asPublished);
      lineOf.set(prompt.id, i + 1);
      return [prompt];
    });
}
