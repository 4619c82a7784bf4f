// What the tests of endpoints as they are in the world share: requests, and services that answer badly before they answer well.
import type { Backend } from '../backend.ts';
import type { Answer, GenerateRequest, Request } from '../request.ts';
import type { Body, Handler, Reply, Service } from './openai.testing.ts';
import { openaiBackend } from './openai.ts';

export const generate = (prompt: string, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  kind: 'generate',
  prompt,
  maxTokens: 16,
  stop: [],
  temperature: 0,
  topP: 1,
  seed: 5,
  ...changes,
});

export const open = (service: Service, changes: object = {}) =>
  openaiBackend({
    endpoint: service.address,
    model: 'm',
    chat: 'chat',
    retries: 2,
    retryDelaySeconds: 0.001,
    ...changes,
  });

export async function ask(backend: Backend, requests: Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  await backend.answer(requests, (index, answer) => {
    answers[index] = answer;
  });
  return answers;
}

export const message = (content: unknown, more: object = {}, choice: object = {}) => ({
  choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop', ...choice }],
});
export const good = message('よい');
export const promptOf = (body: Body) => (body.messages as { content: string }[]).at(-1)!.content;

/** Answers first with `bad`, then well. */
export const first = (...bad: Reply[]): Handler => {
  let count = 0;
  return (path) => (path.endsWith('/models') ? [404, {}] : (bad[count++] ?? [200, good]));
};
