// What a text asks of the engine: ids of its prompt, where it may end, and pieces of text for the ids that come.
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { tinyModelOfFile } from '../tiny-model.testing.ts';
import type { LanguageModel } from '../types.ts';
import { endIds, type GenerateTextOptions, textRequest } from './text-request.ts';

const tiny = tinyModelOfFile();
const tokenizer = tiny.loadTokenizer();
const model = { config: { eos_token_id: [7, 9] } } as unknown as LanguageModel;
const ids = (text: string) => tokenizer.encode(text);

/** A request, and what its listener hears. */
function ask(prompt: string | readonly number[], options: GenerateTextOptions = {}) {
  const heard: unknown[] = [];
  const request = textRequest(model, tokenizer, prompt, options, {
    onPiece: (piece) => heard.push(piece),
    onEnd: (reason) => heard.push({ reason }),
    onError: (error) => heard.push({ error }),
  });
  return { request, heard };
}

it('begins a text with BOS, in which control pieces are text, and takes ids as they are', () => {
  const control = tokenizer.piece(tokenizer.eosId)!.text;
  const { prompt } = ask(`猫${control}`).request;
  expect([prompt[0], prompt.slice(1).includes(tokenizer.eosId)]).toEqual([tokenizer.bosId, false]);
  expect(tokenizer.decode(prompt.slice(1))).toBe(`猫${control}`);
  expect(ask([5, 6]).request.prompt).toEqual([5, 6]);
});

it('ends with the ids of tokenizer and config, within the vocabulary of the tokenizer, unless others are given', () => {
  const ends = [tokenizer.eosId, tokenizer.bosId, 7, 9];
  expect(endIds(tokenizer, model.config)).toEqual(ends);
  expect(endIds(tokenizer, { eos_token_id: tokenizer.eosId })).toEqual(ends.slice(0, 2));
  expect(ask('猫').request).toMatchObject({ stopIds: ends, vocabularyLimit: tokenizer.vocabSize });
  const own = { stopIds: [], vocabularyLimit: 5, temperature: 0.5 };
  expect(ask('猫', own).request).toMatchObject(own);
});

it('tells pieces of text, none that are empty, then why it ended', () => {
  const { request, heard } = ask('猫', { stop: 'かな' });
  for (const id of ids('はか')) expect(request.onId(id)).toBe(false);
  expect(heard).toEqual(['は']); // か may begin the stop text
  const timings = { queued: 0, prefill: 1, decode: 1 };
  request.onEnd('length', { prompt: 2, cached: 0, matched: 0, cachedReason: 'disabled', generated: 2, timings });
  expect(heard).toEqual(['は', 'か', { reason: 'length' }]);
  const error = new Error('mine');
  request.onError(error);
  expect(heard.at(-1)).toEqual({ error });
});

it('stops at one stop text or any of several, which is not part of it', () => {
  for (const stop of ['かな', ['ねこ', 'かな']]) {
    const { request, heard } = ask('猫', { stop });
    const stopped = ids('はかな').map((id) => request.onId(id));
    expect([stopped.slice(0, -1).some(Boolean), stopped.at(-1), heard]).toEqual([false, true, ['は']]);
  }
});

it('finishes a character that the ids of its prompt began', () => {
  const [first, ...rest] = [...Buffer.from('魚')].map(
    (byte) => tokenizer.idOf(`<0x${byte.toString(16).toUpperCase()}>`)!,
  );
  const { request, heard } = ask([first!]);
  for (const id of rest) request.onId(id);
  expect(heard).toEqual(['魚']);
});

it('refuses prompts and stop texts of another kind', () => {
  for (const stop of [5, [5], {}])
    expect(thrown(ConfigError, () => ask('猫', { stop: stop as never }))).toMatchObject({
      code: 'bad-option',
      fields: { option: 'stop' },
    });
  for (const prompt of [5, null, {}])
    expect(thrown(ConfigError, () => ask(prompt as never))).toMatchObject({
      code: 'bad-option',
      fields: { option: 'prompt' },
    });
});
