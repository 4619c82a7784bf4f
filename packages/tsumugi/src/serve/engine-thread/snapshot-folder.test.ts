// A server that is started again goes on from what the one before it had read; one of another model does not.
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { chatModel, type LiveServer, scratchFolder, startLive } from '../serve.testing.ts';

const [tiny, other] = [chatModel(6), chatModel(7)];
afterAll(() => {
  for (const model of [tiny, other]) model[Symbol.dispose]();
});
const cacheDir = join(scratchFolder(), 'kept');
const start = (folder: string) => startLive({ models: [{ name: 'm', folder }], cacheDir });
const messages = [
  { role: 'system', content: '吾輩は猫である。名前はまだ無い。'.repeat(4) },
  { role: 'user', content: '犬' },
];

async function cached(server: LiveServer): Promise<[cached: number, text: string]> {
  const { body } = await server.post('/v1/chat/completions', { model: 'm', messages, temperature: 0, max_tokens: 6 });
  await server.close();
  return [body.usage.prompt_tokens_details.cached_tokens, body.choices[0].message.content];
}

it('is on disk between two servers of one model', async () => {
  const first = await start(tiny.folder);
  const [none, text] = await cached(first);
  expect(none).toBe(0);
  expect(first.lines.join('')).not.toContain('ignored='); // Nothing lay there yet.
  expect(first.lines.join('')).toMatch(/event=snapshots-saved folder=\S+ snapshots=[1-9]/);
  const second = await start(tiny.folder);
  expect(second.lines.join('')).toMatch(/event=snapshots-loaded folder=\S+ snapshots=[1-9]/);
  const [some, again] = await cached(second);
  expect(some).toBeGreaterThan(32);
  expect(again).toBe(text);
  expect((await cached(await start(other.folder)))[0]).toBe(0);
});
