// Vectors through the engine's thread: those of the library, one after the other, beside texts that are written; cancelled and refused.
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../base/index.ts';
import { embedIds } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { liveHandles } from '../../torch/index.ts';
import { EngineLoop } from './engine-loop.ts';
import type { FromThread } from './protocol.ts';

const tiny = tinyModelOfFile();

function opened(queue = 8) {
  const told: FromThread[] = [];
  const models = [{ name: 'tiny', folder: tiny.folder }];
  const settings = { models, memoryBytes: 1 << 30, cacheBytes: 1 << 20, slots: 1, queue };
  const loop = new EngineLoop(settings, (message) => told.push(message));
  const of = (job: number) => told.filter((message) => 'job' in message && message.job === job);
  return { loop, of, told };
}

const ids = Array.from({ length: 600 }, (_, i) => (i * 31 + 7) % 300);

describe('a vector of the thread', () => {
  it('is that of the library, whatever is asked beside it', async () => {
    const { loop, of, told } = opened();
    using _ = loop;
    loop.take({ type: 'embed', job: 1, model: 'tiny', ids });
    loop.take({ type: 'add', job: 2, model: 'tiny', request: { prompt: [1, 2, 3], maxTokens: 5 } });
    loop.take({ type: 'embed', job: 3, model: 'tiny', ids: ids.slice(0, 4) });
    while (await loop.work());
    using model = tiny.load();
    const vector = (job: number) => of(job).flatMap((each) => (each.type === 'embedded' ? [each.vector] : []));
    expect(vector(1)).toEqual([atOnce(embedIds(model, ids))]);
    expect(vector(3)).toEqual([atOnce(embedIds(model, ids.slice(0, 4)))]);
    expect(of(2).at(-1)).toMatchObject({ type: 'ended', reason: 'length' });
    // A text is written between the pieces of a long one.
    const place = (test: (each: FromThread) => boolean) => told.findIndex(test);
    expect(place((each) => each.type === 'ids')).toBeLessThan(place((each) => each.type === 'embedded'));
  });

  it('is given up when it is cancelled, and when the thread ends', async () => {
    const { loop, of } = opened();
    const before = liveHandles();
    loop.take({ type: 'embed', job: 1, model: 'tiny', ids });
    loop.take({ type: 'embed', job: 2, model: 'tiny', ids });
    await loop.work();
    loop.take({ type: 'cancel', job: 1 });
    await loop.work();
    expect([...of(1), ...of(2)].map(({ type }) => type)).toEqual(['accepted', 'accepted']);
    loop[Symbol.dispose]();
    expect(liveHandles()).toBe(before);
  });

  it('is refused for ids that there are not, and where too many wait', async () => {
    const { loop, of } = opened(1);
    using _ = loop;
    loop.take({ type: 'embed', job: 1, model: 'tiny', ids: [9999] });
    while (await loop.work());
    expect(of(1).at(-1)).toMatchObject({ type: 'failed', error: { user: true, code: 'bad-id' } });
    for (const job of [2, 3, 4]) loop.take({ type: 'embed', job, model: 'tiny', ids });
    while (await loop.work());
    expect([2, 3, 4].map((job) => of(job).at(-1)!.type)).toEqual(['embedded', 'embedded', 'failed']);
    expect(of(4).at(-1)).toMatchObject({ error: { code: 'queue-full' } });
  });
});

it('what is cancelled before its model is open is never begun', async () => {
  const { loop, of, told } = opened();
  using _ = loop;
  loop.take({ type: 'add', job: 1, model: 'tiny', request: { prompt: [1, 2, 3], maxTokens: 5 } });
  loop.take({ type: 'embed', job: 2, model: 'tiny', ids });
  loop.take({ type: 'add', job: 3, model: 'tiny', request: { prompt: [1, 2, 3], maxTokens: 2 } });
  for (const job of [1, 2]) loop.take({ type: 'cancel', job });
  while (await loop.work());
  expect([...of(1), ...of(2)]).toEqual([]);
  expect(told.flatMap((each) => (each.type === 'ids' ? each.tokens.map(([job]) => job) : []))).toEqual([3, 3]);
});
