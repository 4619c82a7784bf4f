// Calls of tools among what is said: pieces of their own, at once, with the log-probabilities of all tokens in order.
import { expect, it } from 'vitest';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { Choice } from './choice.ts';

const tokenizer = tinyModelOfFile().loadTokenizer();
const call = '<tool_call>{"name": "見る", "arguments": {"月": 1}}</tool_call>';

function pieces(text: string, tools?: readonly string[]) {
  const choice = new Choice({ index: 0, tokenizer, prompt: [1], stop: [], asked: [], tools });
  const ids = tokenizer.encode(text);
  return [...ids.flatMap((id, i) => choice.take(id, { logprob: -i, top: [] })), ...choice.end('stop')];
}

it('comes as calls, and the text around it as text', () => {
  const all = pieces(`猫${call}${call}`, ['見る']);
  expect(all.filter(({ type }) => type !== 'text')).toMatchObject([
    { type: 'tool-call', index: 0, name: '見る', arguments: '{"月":1}' },
    { type: 'tool-call', index: 1, name: '見る', arguments: '{"月":1}' },
    { type: 'end', reason: 'tool_calls' },
  ]);
  expect(all.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe('猫');
  const told = all.flatMap((piece) => ('logprobs' in piece ? piece.logprobs! : []));
  expect(told.map(({ logprob }) => -logprob)).toEqual(told.map((_, i) => i));
  expect(told).toHaveLength(tokenizer.encode(`猫${call}${call}`).length);
});

it('is text where there are no tools, or not this one', () => {
  for (const tools of [undefined, ['聞く']]) {
    const all = pieces(call, tools);
    expect(all.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe(call);
    expect(all.at(-1)).toMatchObject({ type: 'end', reason: 'stop' });
  }
});
