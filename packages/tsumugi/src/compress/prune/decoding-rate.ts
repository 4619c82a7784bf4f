// How fast a model writes.
import { Cache, type Plamo2 } from '../../lm/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';

const warmUp = 2;
const timed = 7;

/** Tokens a second that the model writes alone, as it stands in memory: the median of some. */
export function decodingRate(model: Plamo2): number {
  const seconds: number[] = [];
  using cache = new Cache(model);
  for (let i = 0; i < warmUp + timed; i++) {
    const began = performance.now();
    scope(() =>
      noGrad(() => {
        const ids = tensor([i % model.config.vocab_size], { dtype: 'int64', shape: [1, 1] });
        model.logits(model.forward(ids, { cache })).max().item();
      }),
    );
    if (i >= warmUp) seconds.push((performance.now() - began) / 1000);
  }
  return 1 / seconds.sort((a, b) => a - b)[Math.floor(timed / 2)]!;
}
