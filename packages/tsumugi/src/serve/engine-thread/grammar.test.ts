// Texts of the thread that are held to grammars: begun when the grammar is ready, while others go on; cancelled before, and refused.
import { expect, it } from 'vitest';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { liveHandles } from '../../torch/index.ts';
import { EngineLoop } from './engine-loop.ts';
import type { FromThread, ThreadRequest } from './protocol.ts';

const tiny = tinyModelOfFile();
const tokenizer = tiny.loadTokenizer();

/** Works until all that was asked is over, waiting for what wakes it. */
function opened() {
  const told: FromThread[] = [];
  const models = [{ name: 'tiny', folder: tiny.folder }];
  const settings = { models, memoryBytes: 1 << 30, cacheBytes: 1 << 20, slots: 2, queue: 8 };
  let wake = () => {};
  const loop = new EngineLoop(
    settings,
    (message) => told.push(message),
    () => wake(),
  );
  const add = (job: number, request: Partial<ThreadRequest>) => {
    const stopIds = [tokenizer.eosId];
    const all = { prompt: [1, 270], maxTokens: 20, stopIds, temperature: 1, vocabularyLimit: tokenizer.vocabSize };
    loop.take({ type: 'add', job, model: 'tiny', request: { ...all, ...request } });
  };
  const work = async () => {
    loop.take({ type: 'end' });
    while (!loop.over) {
      if (await loop.work()) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (loop.waiting) resolve();
      });
    }
  };
  const of = (job: number) => told.filter((message) => 'job' in message && message.job === job);
  const text = (job: number) =>
    tokenizer.decode(
      told.flatMap((each) =>
        each.type === 'ids' ? each.tokens.filter(([own]) => own === job).map(([, id]) => id) : [],
      ),
    );
  return { loop, add, work, of, text, told };
}

it('is written by it, beside others that are not', async () => {
  const { loop, add, work, of, text, told } = opened();
  using _ = loop;
  add(1, { grammar: 'root ::= "猫" "犬"{3}' });
  add(2, {});
  await work();
  expect(text(1)).toBe('猫犬犬犬');
  expect(of(1).at(-1)).toMatchObject({ type: 'ended', reason: 'end' });
  expect(of(2).at(-1)!.type).toBe('ended');
  // The other one did not wait for the grammar.
  const place = (job: number) => told.findIndex((each) => each.type === 'accepted' && each.job === job);
  expect(place(2)).toBeLessThan(place(1));
});

it('is refused where there is no grammar, and does not begin where it was cancelled before', async () => {
  const { loop, add, work, of } = opened();
  const before = liveHandles();
  add(1, { grammar: 'root ::= (' });
  add(2, { grammar: 'root ::= "猫"' });
  await loop.work();
  loop.take({ type: 'cancel', job: 2 });
  await work();
  expect(of(1).at(-1)).toMatchObject({ type: 'failed', error: { user: true, code: 'bad-grammar' } });
  expect(of(2)).toEqual([]);
  loop[Symbol.dispose]();
  expect(liveHandles()).toBe(before);
});
