// scoreText: the log-probability of a text as a document, against tokenLogprobs over the same ids put together by hand.
import { expect, it } from 'vitest';
import { embeddedText, readDocuments, Tokenizer, trainTokenizer } from '../text/index.ts';
import { ones, scope } from '../torch/index.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel, scoreText, tokenLogprobs } from './index.ts';

const [novel] = await Array.fromAsync(readDocuments(embeddedText()));
const tokenizer = Tokenizer.fromPieces(trainTokenizer([novel!.text.slice(0, 3000)], { vocabSize: 420 }));
const makeModel = () =>
  new Plamo2(preset('mini', { num_hidden_layers: 2, vocab_size: tokenizer.vocabSize }), initialWeights(1));

it('reads a text after BOS, and control pieces as the characters they are', () => {
  using model = makeModel();
  const text = '猫<|plamo:bos|>';
  const { pieces, logprobs, total, bitsPerCharacter } = scoreText(model, tokenizer, text);
  expect(pieces.join('')).toContain('<');
  expect(pieces).not.toContain('<|plamo:bos|>');
  const ids = [tokenizer.bosId, ...tokenizer.encode(text, { safe: true })];
  expect(logprobs).toEqual(tokenLogprobs(model, ids));
  expect(logprobs).toHaveLength(pieces.length);
  expect(total).toBeCloseTo(
    [...logprobs].reduce((a, b) => a + b),
    10,
  );
  expect(bitsPerCharacter).toBeCloseTo(-total / Math.log(2) / 14, 10); // 1 + 13 characters
});

it('refuses options that nothing reads', () => {
  using model = makeModel();
  expect(() => tokenLogprobs(model, [1, 2], { document: [0, 0] } as never)).toThrow('Did you mean "documents"?');
  const ids = ones([1, 2], { dtype: 'int64' });
  scope(() => {
    expect(() => model.forward(ids, { document: ids } as never)).toThrow('forward: there is no option "document"');
    expect(() => model.loss({ ids, targets: ids }, { zloss: 1 } as never)).toThrow('Did you mean "zLoss"?');
    expect(() => model.loss({ ids, target: ids } as never)).toThrow('loss: the batch: there is no option "target"');
  });
  ids.dispose();
  expect(() => loadModel('nowhere', { dtpye: 'float32' } as never)).toThrow('Did you mean "dtype"?');
  expect(() => saveModel('nowhere', model, { tokenizer: 'x' } as never)).toThrow('Write { tokenizerFolder }');
  expect(() => preset('mini', { n_layers: 2 } as never)).toThrow('Did you mean "num_hidden_layers"?');
});
