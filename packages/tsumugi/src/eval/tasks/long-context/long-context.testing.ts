// Tools of the tests: models that read, guess or predict evenly, and a tokenizer that joins what stands side by side.
import type { AnswerTo, ChoicesRequest, GenerateRequest, Request, RollingRequest } from '../../request.ts';
import type { TaskContext } from '../../task.ts';

/** Two characters a token wherever pieces meet, so that lengths of pieces do not add up. */
export const pairs = (text: string) => Math.ceil(text.length / 2);

export interface Fake {
  choose?(request: ChoicesRequest): number[];
  write?(request: GenerateRequest): string;
  predict?(request: RollingRequest): AnswerTo<RollingRequest>;
}

/** A context that answers with `fake` and keeps what was asked. */
export function fakeContext(fake: Fake, more: Partial<TaskContext> = {}): TaskContext & { asked: Request[] } {
  const asked: Request[] = [];
  const answerTo = (request: Request) => {
    asked.push(request);
    if (request.kind === 'choices')
      return { logprobs: fake.choose!(request), tokens: request.choices.map(({ length }) => length) };
    if (request.kind === 'generate') return { text: fake.write!(request), finish: 'end' };
    return fake.predict!(request);
  };
  return {
    asked,
    ask: async <R extends Request>(requests: readonly R[]) =>
      requests.map((request) => answerTo(request) as AnswerTo<R>),
    file: () => '',
    limit: undefined,
    shots: undefined,
    seed: 1,
    keepTexts: true,
    chat: false,
    ...more,
  };
}

/** Finds the line or sentence that the prompt's last words begin, and gives its ending the highest score. */
export function reader({ prompt, choices }: ChoicesRequest): number[] {
  const tail = prompt.split(/[\n、]/).at(-1)!;
  const at = prompt.indexOf(tail) + tail.length;
  return choices.map((choice) => (prompt.startsWith(choice, at) ? -1 : -9));
}
