// A server that guesses from what stood before writes what one writes that does not, to one client and to several.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { type LiveServer, startLive } from './serve.testing.ts';

const tiny = new TinyModel(1);
const servers: LiveServer[] = [];
beforeAll(async () => {
  for (const promptLookup of [0, 4])
    servers.push(await startLive({ models: [{ name: 'tiny', folder: tiny.folder }], promptLookup }));
}, 120_000);
afterAll(async () => {
  for (const server of servers) await server.close();
  tiny[Symbol.dispose]();
});

const asked = { model: 'tiny', prompt: '紡ぐ糸を紡ぐ糸を紡ぐ', max_tokens: 40, ignore_eos: true };

it.each([1, 4])('for %i at a time, the likeliest tokens and drawn ones', async (clients) => {
  const bodies = [0, 1].flatMap((temperature) =>
    Array.from({ length: clients }, (_, seed) => ({ ...asked, temperature, seed, logprobs: 1 })),
  );
  const [plain, guessed] = await Promise.all(
    servers.map((server) =>
      Promise.all(bodies.map(async (body) => (await server.post('/v1/completions', body)).body.choices)),
    ),
  );
  expect(guessed).toEqual(plain);
});

it('counts what it guessed, by the names of vLLM', async () => {
  const count = async (server: LiveServer, what: string) => {
    const text = await (await server.ask('/metrics')).text();
    return Number(new RegExp(`^vllm:spec_decode_num_${what}_tokens_total\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  expect(await count(servers[0]!, 'draft')).toBe(0);
  const [proposed, accepted] = [await count(servers[1]!, 'draft'), await count(servers[1]!, 'accepted')];
  expect(proposed).toBeGreaterThan(accepted);
  expect(accepted).toBeGreaterThan(0);
});
