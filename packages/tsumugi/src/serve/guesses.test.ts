// A server that guesses how texts go on, from what stood before or by a smaller model, writes what one writes that does not, to one client
// and to several.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { type LiveServer, startLive } from './serve.testing.ts';

const [tiny, other] = [new TinyModel(1), new TinyModel(2)];
let [plain, lookup, drafts]: (LiveServer | undefined)[] = [];
beforeAll(async () => {
  const { folder } = tiny;
  plain = await startLive({ models: [{ name: 'tiny', folder }] });
  lookup = await startLive({ models: [{ name: 'tiny', folder }], promptLookup: 4 });
  const models = [
    { name: 'tiny', folder, draft: other.folder },
    { name: 'itself', folder, draft: folder },
  ];
  drafts = await startLive({ models, draftTokens: 3 });
}, 120_000);
afterAll(async () => {
  for (const server of [plain, lookup, drafts]) await server?.close();
  for (const model of [tiny, other]) model[Symbol.dispose]();
});

const asked = { prompt: '紡ぐ糸を紡ぐ糸を紡ぐ', max_tokens: 40, ignore_eos: true };

it.each([1, 4])('for %i at a time, the likeliest tokens and drawn ones', async (clients) => {
  const bodies = [0, 1].flatMap((temperature) =>
    Array.from({ length: clients }, (_, seed) => ({ ...asked, temperature, seed, logprobs: 1 })),
  );
  const answers = (server: LiveServer | undefined, model: string) =>
    Promise.all(
      bodies.map(async (body) => (await server!.post('/v1/completions', { ...body, model })).body.choices as unknown),
    );
  const wanted = await answers(plain, 'tiny');
  expect(wanted[0]).toBeDefined();
  expect(await answers(lookup, 'tiny')).toEqual(wanted);
  expect(await answers(drafts, 'tiny')).toEqual(wanted);
  expect(await answers(drafts, 'itself')).toEqual(wanted);
});

it('counts what it guessed, by the names of vLLM', async () => {
  const count = async (server: LiveServer | undefined, what: string, model = 'tiny') => {
    const text = await (await server!.ask('/metrics')).text();
    const line = new RegExp(`^vllm:spec_decode_num_${what}_total\\{model_name="${model}"\\} (\\d+)$`, 'm');
    return Number(line.exec(text)?.[1]);
  };
  expect(await count(plain, 'draft_tokens')).toBe(0);
  for (const [server, model] of [
    [lookup, 'tiny'],
    [drafts, 'itself'],
  ] as const) {
    const [passes, guessed, right] = [
      await count(server, 'drafts', model),
      await count(server, 'draft_tokens', model),
      await count(server, 'accepted_tokens', model),
    ];
    expect(guessed).toBeGreaterThan(right);
    expect(right).toBeGreaterThan(0);
    expect(guessed).toBeGreaterThan(passes);
    if (server === drafts) expect(guessed).toBeLessThanOrEqual(3 * passes);
  }
});
