// Log-probabilities that can be differentiated: those of scoring, with the gradient of the cross-entropy.
import { describe, expect, it } from 'vitest';
import { convert } from '../nn/index.ts';
import { backward, scope, type Tensor, tensor } from '../torch/index.ts';
import { tokenLogprobs } from './score.ts';
import { targetLogprobs } from './target-logprobs.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();
const ids = [1, 270, 275, 280, 290, 262, 300];
const int64 = (values: number[]) => tensor(values, { shape: [1, values.length], dtype: 'int64' });

/** Targets of the next token, of which the first three are not learned. */
const targets = (values: number[]) => int64([...values.slice(1).map((id, i) => (i < 3 ? -100 : id)), -100]);

describe('targetLogprobs', () => {
  it.each([[undefined], [1], [2]])('are those of scoring, in chunks of %s', (chunk) => {
    scope(() => {
      using model = tiny.load();
      const expected = tokenLogprobs(model, ids).slice(3);
      const found = targetLogprobs(model, model.forward(int64(ids)), targets(ids), { chunk });
      expect(found.places.tolist()).toEqual([3, 4, 5]);
      (found.logprobs.tolist() as number[]).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 5));
    });
  });

  it('come with the entropy of their distributions', () => {
    scope(() => {
      using model = tiny.load();
      const hidden = model.forward(int64(ids));
      const { entropies } = targetLogprobs(model, hidden, targets(ids));
      const logits = model.logits(hidden).select(1, 3).flatten().tolist() as number[];
      const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const entropy = logits.reduce((sum, logit) => sum - Math.exp(logit - total) * (logit - total), 0);
      expect((entropies.tolist() as number[])[0]!).toBeCloseTo(entropy, 4);
      expect(entropies.requiresGrad).toBe(false);
    });
  });

  it('have the gradient of the summed cross-entropy, in every parameter', () => {
    scope(() => {
      using model = convert(tiny.load(), 'float64');
      const gradients = (loss: () => Tensor) => {
        model.zeroGrad();
        backward(loss());
        return model.namedParameters().map(([path, { grad }]) => [path, grad!.clone()] as const);
      };
      const batch = { ids: int64(ids), targets: targets(ids) };
      const expected = gradients(() => model.loss(batch, { reduction: 'sum' }).loss);
      const found = gradients(() =>
        targetLogprobs(model, model.forward(batch.ids), batch.targets, { chunk: 2 }).logprobs.sum().neg(),
      );
      found.forEach(([path, grad], i) => {
        const difference = grad.sub(expected[i]![1]).abs().max().item();
        expect(difference, path).toBeLessThan(1e-10);
      });
      model.zeroGrad();
    });
  });

  it('are none where nothing is to be predicted', () => {
    scope(() => {
      using model = tiny.load();
      const found = targetLogprobs(model, model.forward(int64(ids)), int64(ids.map(() => -100)));
      expect([found.logprobs.shape, found.entropies.shape, found.places.shape]).toEqual([[0], [0], [0]]);
    });
  });
});
