// For tests: a backend that answers from functions, and counts what it is asked.
import type { Backend } from './backend.ts';
import type { Answer, Request } from './request.ts';

export interface FakeBackend extends Backend {
  /** Everything it was asked, in order. */
  readonly asked: Request[];
}

/** @param answer for one request; by default the prompt in reverse, or log-probabilities by length */
export function fakeBackend(
  more: Partial<Omit<Backend, 'answer'>> & { answer?: (request: Request) => Answer | Promise<Answer> } = {},
): FakeBackend {
  const asked: Request[] = [];
  const { answer = plainAnswer, ...rest } = more;
  return {
    kind: 'fake',
    model: 'a model',
    fingerprint: 'f',
    settings: { deterministic: true },
    kinds: new Set(['generate', 'choices', 'rolling'] as const),
    ...rest,
    asked,
    async answer(requests, onAnswer, signal) {
      for (const [index, request] of requests.entries()) {
        if (signal?.aborted) return;
        asked.push(request);
        onAnswer(index, await answer(request));
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function plainAnswer(request: Request): Answer {
  if (request.kind === 'choices')
    return {
      logprobs: request.choices.map((choice) => -choice.length),
      tokens: request.choices.map((choice) => choice.length),
    };
  if (request.kind === 'rolling') {
    const characters = [...request.text].length;
    return { nats: [2 * characters], tokens: [characters], characters: [characters] };
  }
  const text = typeof request.prompt === 'string' ? request.prompt : (request.prompt.at(-1)?.content ?? '');
  return { text: [...text].reverse().join(''), finish: 'end' };
}
