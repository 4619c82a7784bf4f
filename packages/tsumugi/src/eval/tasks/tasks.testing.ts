// For the tests of tasks: a context whose answers are prepared, and the benchmark files, where they are.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { benchmark } from '../../../../../tests/files.ts';
import { requires } from '../../../../../tests/requires.testing.ts';
import { dataFile } from '../data-folder.ts';
import type { AnswerTo, ChoicesRequest, GenerateAnswer, GenerateRequest, Request } from '../request.ts';
import type { Task, TaskContext } from '../task.ts';

export const shared = benchmark('');

/** For a test that needs files below `folder`. */
export function requiresFiles(folder: string, ...names: string[]) {
  const absent = names.filter((name) => !existsSync(join(folder, name)));
  return requires(absent.length === 0, `${absent.join(', ')} not in ${folder}`);
}

/** A data folder with these files (texts by name), until it is disposed of. */
export function dataFolder(files: Readonly<Record<string, string>>): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'tsumugi-tasks-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

export interface FakeAnswers {
  /** What is written after a prompt; conversations come as their last message. */
  write?(prompt: string, request: GenerateRequest): string;
  /** The index of the likeliest choice. */
  choose?(prompt: string, choices: readonly string[]): number;
}

/** A context over a data folder; `asked` holds what was asked of the model. */
export function fakeContext(
  task: Task,
  folder: string,
  answers: FakeAnswers,
  changes: Partial<TaskContext> = {},
): TaskContext & { asked: Request[] } {
  const asked: Request[] = [];
  return {
    asked,
    async ask<R extends Request>(requests: readonly R[]) {
      asked.push(...requests);
      return requests.map((request) => answerTo(request, answers)) as AnswerTo<R>[];
    },
    file: (name) => dataFile(folder, task.data!, name),
    limit: undefined,
    shots: undefined,
    seed: 0,
    keepTexts: true,
    chat: false,
    ...changes,
  };
}

function answerTo(request: Request, { write, choose }: FakeAnswers) {
  if (request.kind === 'generate') return written(write!(lastOf(request.prompt), request));
  const { prompt, choices } = request as ChoicesRequest;
  const best = choose!(prompt, choices);
  return { logprobs: choices.map((_choice, i) => (i === best ? -1 : -2)), tokens: choices.map(() => 1) };
}

export function written(text: string): GenerateAnswer {
  return { text, finish: 'end' };
}

function lastOf(prompt: GenerateRequest['prompt']): string {
  return typeof prompt === 'string' ? prompt : prompt.at(-1)!.content;
}
