// What every backend must do: run by the tests of each, with a model it can open.
import { describe, expect, it } from 'vitest';
import type { Backend } from './backend.ts';
import type { Answer, ChoicesAnswer, GenerateAnswer, GenerateRequest, Request, RollingAnswer } from './request.ts';

export interface BackendSuite {
  open: () => Promise<Backend>;
  /** Why a group of cases does not apply. */
  skip?: { choices?: string; rolling?: string; chat?: string; determinism?: string } | undefined;
}

/** Answers in the order of the requests; fails when one is missing or comes twice. */
export async function answersOf(backend: Backend, requests: readonly Request[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  await backend.answer(requests, (index, answer) => {
    expect(answers[index], `answer ${index} comes once`).toBeUndefined();
    answers[index] = answer;
  });
  expect(Object.keys(answers)).toHaveLength(requests.length);
  return answers;
}

export const generate = (prompt: string, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  kind: 'generate',
  prompt,
  maxTokens: 16,
  stop: [],
  temperature: 0,
  topP: 1,
  seed: 0,
  ...more,
});

const prompts = ['吾輩は猫', '山と川', '犬', '日と月と火', '鳥の名前は'];
const close = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThan(1e-4 * Math.max(1, Math.abs(b)));

export function backendSuite(name: string, { open, skip = {} }: BackendSuite): void {
  const withBackend = async (run: (backend: Backend) => Promise<void>) => {
    await using backend = await open();
    await run(backend);
  };
  const group = (what: keyof NonNullable<typeof skip>, body: () => void) => {
    if (skip[what] === undefined) body();
  };

  describe(`${name} as a backend`, () => {
    it('says what it is, in plain values', () =>
      withBackend(async ({ kind, model, fingerprint, settings, kinds }) => {
        for (const text of [kind, model, fingerprint]) expect(text).not.toBe('');
        expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
        expect(kinds.has('generate')).toBe(true);
      }));

    it('ends a text at maxTokens, before a stop text, or where the model ends it', () =>
      withBackend(async (backend) => {
        const [whole] = (await answersOf(backend, [generate(prompts[0]!, { maxTokens: 24 })])) as [GenerateAnswer];
        expect(['end', 'length']).toContain(whole.finish);
        const stop = [...whole.text].slice(2, 4).join('');
        if (stop === '') return;
        const request = generate(prompts[0]!, { maxTokens: 24, stop: ['これは出ない', stop] });
        const [stopped] = (await answersOf(backend, [request])) as [GenerateAnswer];
        expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
        expect(stopped.finish).toBe('stop');
      }));

    it('answers requests of all its kinds at once, each once', () =>
      withBackend(async (backend) => {
        const requests: Request[] = prompts.flatMap((prompt, i): Request[] => [
          generate(prompt, { maxTokens: 1 + 3 * i }),
          { kind: 'choices', prompt, choices: ['猫', '犬と鳥'] },
          { kind: 'rolling', text: prompt },
        ]);
        const possible = requests.filter(({ kind }) => backend.kinds.has(kind));
        for (const [i, answer] of (await answersOf(backend, possible)).entries())
          expect(Object.keys(answer)).toEqual(
            expect.arrayContaining({ generate: ['text'], choices: ['logprobs'], rolling: ['nats'] }[possible[i]!.kind]),
          );
      }));

    it('stops when it is asked to', () =>
      withBackend(async (backend) => {
        const controller = new AbortController();
        let answered = 0;
        const requests = Array.from({ length: 40 }, (_, i) => generate(`${prompts[i % 5]!}${i}`, { maxTokens: 4 }));
        const asking = backend.answer(
          requests,
          () => {
            if (++answered === 1) controller.abort();
          },
          controller.signal,
        );
        await asking.catch((error: Error) => expect(error.name).toBe('AbortError'));
        expect(answered).toBeGreaterThan(0);
        expect(answered).toBeLessThan(requests.length);
      }));

    group('determinism', () => {
      it('gives equal answers to equal requests, whatever is asked beside them', () =>
        withBackend(async (backend) => {
          const requests = prompts.flatMap((prompt, i) => [
            generate(prompt),
            generate(prompt, { temperature: 1, topP: 0.9, seed: i }),
          ]);
          const together = await answersOf(backend, requests);
          for (const [i, request] of requests.entries())
            expect((await answersOf(backend, [request]))[0]).toEqual(together[i]);
          const drawn = await answersOf(
            backend,
            Array.from({ length: 8 }, (_, seed) => generate(prompts[0]!, { temperature: 1, seed })),
          );
          expect(new Set(drawn.map((answer) => (answer as GenerateAnswer).text)).size).toBeGreaterThan(1);
        }));
    });

    group('choices', () => {
      it('gives the probability of each choice, whatever the others are', () =>
        withBackend(async (backend) => {
          const ask = async (prompt: string, choices: string[]) =>
            ((await answersOf(backend, [{ kind: 'choices', prompt, choices }])) as [ChoicesAnswer])[0];
          const choices = ['猫', '犬', '猫と犬', '猫と鳥', '山'];
          const all = await ask('吾輩は', choices);
          expect(all.logprobs).toHaveLength(choices.length);
          for (const [i, choice] of choices.entries()) {
            expect(all.logprobs[i]).toBeLessThan(0);
            expect(all.tokens[i]).toBeGreaterThan(0);
            const alone = await ask('吾輩は', [choice]);
            close(alone.logprobs[0]!, all.logprobs[i]!);
            expect(alone.tokens[0]).toBe(all.tokens[i]);
          }
        }));

      it('adds up: p(ab) = p(a)·p(b after a)', () =>
        withBackend(async (backend) => {
          const requests: Request[] = [
            { kind: 'choices', prompt: '吾輩は', choices: ['猫と犬', '猫と'] },
            { kind: 'choices', prompt: '吾輩は猫と', choices: ['犬'] },
          ];
          const [whole, rest] = (await answersOf(backend, requests)) as ChoicesAnswer[];
          close(whole!.logprobs[0]!, whole!.logprobs[1]! + rest!.logprobs[0]!);
        }));
    });

    group('rolling', () => {
      it('gives bins that add up to the whole text', () =>
        withBackend(async (backend) => {
          const text = '吾輩は猫である。名前はまだ無い。';
          const [whole] = (await answersOf(backend, [{ kind: 'rolling', text }])) as [RollingAnswer];
          const total = whole.tokens[0]!;
          expect(whole.characters).toEqual([[...text].length]);
          expect(whole.nats[0]).toBeGreaterThan(0);
          const edges = [1, 3, total];
          const [bins] = (await answersOf(backend, [{ kind: 'rolling', text, edges }])) as [RollingAnswer];
          expect(bins.tokens).toEqual([1, 2, total - 3]);
          const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
          close(sum(bins.nats), whole.nats[0]!);
          expect(sum(bins.characters)).toBe(whole.characters[0]);
          const [part] = (await answersOf(backend, [{ kind: 'rolling', text, edges: [3] }])) as [RollingAnswer];
          close(part.nats[0]!, bins.nats[0]! + bins.nats[1]!);
          expect(part.characters[0]).toBe(bins.characters[0]! + bins.characters[1]!);
        }));

      it('answers edges beyond the text with what there is, and a text of nothing', () =>
        withBackend(async (backend) => {
          const requests: Request[] = [
            { kind: 'rolling', text: '猫', edges: [1, 900, 1000] },
            { kind: 'rolling', text: '' },
          ];
          const [beyond, nothing] = (await answersOf(backend, requests)) as RollingAnswer[];
          expect(beyond!.tokens.at(-1)).toBe(0);
          expect(beyond!.nats.at(-1)).toBe(0);
          expect(nothing).toEqual({ nats: [0], tokens: [0], characters: [0] });
        }));
    });

    group('chat', () => {
      it('answers a conversation', () =>
        withBackend(async (backend) => {
          const prompt = [
            { role: 'system', content: '短く答えてください。' },
            { role: 'user', content: '猫の名前は?' },
          ] as const;
          const [answer] = await answersOf(backend, [{ ...generate(''), prompt }]);
          expect(typeof (answer as GenerateAnswer).text).toBe('string');
        }));
    });
  });
}
