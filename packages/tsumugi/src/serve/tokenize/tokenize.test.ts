// Ids of texts and conversations and back, in the words of vLLM and of llama-server; every text comes back as it was.
import { describe, expect, it } from 'vitest';
import { atOnce, RandomStream } from '../../base/index.ts';
import { loadTokenizer, readModelConfig } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { Artefact } from '../../store/index.ts';
import { builtInTemplate, encodePrompt, templateTokens } from '../../text/index.ts';
import { encodePromptOf } from '../answer/encode.ts';
import { HttpError } from '../http/http-error.ts';
import type { ServedModel } from '../served-model.ts';
import { detokenizeBody, tokenizeBody } from './request.ts';
import { detokenize, tokenize } from './tokenize.ts';

const tiny = tinyModelOfFile();
const config = readModelConfig(new Artefact(tiny.folder));
const tokenizer = loadTokenizer(tiny.folder, config);
const template = builtInTemplate('chatml', templateTokens(tokenizer))!;
const model: ServedModel = {
  name: 'tiny',
  place: { name: 'tiny', folder: tiny.folder },
  ...{ config, tokenizer, template },
  contextTokens: 512,
  sampling: {},
  endIds: [],
  created: 0,
};

const asked = (body: object) =>
  atOnce(tokenize(model, tokenizeBody.parse(body), (_, prompt) => encodePromptOf(model, prompt)));
const back = (tokens: readonly number[]) => atOnce(detokenize(model, detokenizeBody.parse({ tokens })));
const { bosId } = tokenizer;

describe('/tokenize', () => {
  it('has BOS for vLLM, and none for llama-server, unless it is asked', () => {
    const ids = tokenizer.encode('猫は猫');
    expect(asked({ prompt: '猫は猫' })).toEqual({ count: 4, max_model_len: 512, tokens: [bosId, ...ids] });
    expect(asked({ prompt: '猫は猫', add_special_tokens: false }).tokens).toEqual(ids);
    expect(asked({ content: '猫は猫' }).tokens).toEqual(ids);
    expect(asked({ content: '猫は猫', add_special: true }).tokens).toEqual([bosId, ...ids]);
    expect(asked({ content: '' })).toMatchObject({ count: 0, tokens: [] });
  });

  it('shows pieces: as texts beside the ids, or with them, bytes where they are no whole character', () => {
    expect(asked({ prompt: '猫', return_token_strs: true })).toMatchObject({ token_strs: ['<|plamo:bos|>', '猫'] });
    const { tokens } = asked({ content: '猫aé', with_pieces: true });
    expect((tokens as { piece: unknown }[]).map(({ piece }) => piece)).toEqual(['猫', 'a', [0xc3], [0xa9]]);
  });

  it('lets a text spell special pieces only where it is asked', () => {
    const text = '猫<|plamo:op|>';
    expect(asked({ content: text }).tokens).not.toContain(tokenizer.opId);
    expect(asked({ content: text, parse_special: true }).tokens).toEqual([tokenizer.idOf('猫'), tokenizer.opId]);
  });

  it('shows a conversation as the model is given it', () => {
    const messages = [
      { role: 'developer' as const, content: '短く' },
      { role: 'user' as const, content: '猫は？' },
    ];
    const expected = encodePrompt(template, tokenizer, {
      messages: messages.map(({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content })),
    });
    expect(asked({ messages }).tokens).toEqual(expected);
  });

  it.each([{}, { prompt: 'a', content: 'a' }, { prompt: 'a', messages: [{ role: 'user', content: 'a' }] }])(
    'is refused for %j',
    (body) => {
      expect(() => asked(body)).toThrow(HttpError);
      expect(() => asked(body)).toThrow('give one of "prompt", "content" and "messages"');
    },
  );
});

describe('/detokenize', () => {
  it('gives every text back', () => {
    const stream = new RandomStream(5);
    const letters = ['猫', 'は', 'a', 'é', '👨‍👩‍👧', '\n', ' ', '<|plamo:eos|>', '\u0000', '𝒳', '<0x41>'];
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: stream.below(12) }, () => letters[stream.below(letters.length)]!).join('');
      const { tokens } = asked({ content: text });
      expect(back(tokens as number[])).toEqual({ prompt: text, content: text });
    }
  });

  it('names special pieces, and half a character is U+FFFD', () => {
    expect(back([bosId, tokenizer.idOf('猫')!]).content).toBe('<|plamo:bos|>猫');
    expect(back(tokenizer.encode('é').slice(0, 1)).content).toBe('\ufffd');
    expect(back([]).content).toBe('');
  });

  it('takes the ids of the model that no piece has, and refuses others with the place', () => {
    expect(back([config.vocab_size - 1]).content).toBe('');
    try {
      back([bosId, config.vocab_size]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ status: 400, code: 'bad_id', param: 'tokens.1' });
    }
  });

  it.each([[-1], [1.5], ['1'], [null], [2 ** 53]])('knows no id %j', (id) => {
    expect(detokenizeBody.safeParse({ tokens: [id] }).success).toBe(false);
  });
});
