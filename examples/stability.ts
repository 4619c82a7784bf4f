// QK-norm bounds the attention logits, the z-loss pulls log Z to 0. Run it with `node examples/stability.ts`.
import { initialWeights, logitNorms, Plamo2, preset } from 'tsumugi/lm';
import { AdamW } from 'tsumugi/optim';
import { backward, Rng, randint, scope } from 'tsumugi/torch';

function measure(qk_norm: boolean, zLoss: number): void {
  const shape = { hidden_size: 64, intermediate_size: 176, hidden_size_per_head: 16, vocab_size: 64 };
  using model = new Plamo2(preset('dense', { ...shape, qk_norm }), initialWeights(0));
  using optimizer = new AdamW(model);
  using ids = randint(0, 64, [2, 32], new Rng(0)).keep();
  for (let step = 0; step < 30; step++) {
    optimizer.zeroGrad();
    scope(() => backward(model.loss({ ids, targets: ids }, { zLoss }).loss));
    optimizer.step(0.3); // a hundred times too high
  }
  const { logZ, attention } = logitNorms(model, ids);
  const largest = Math.max(...attention.map((layer) => layer.largest));
  console.log(`QK-norm ${qk_norm}, z-loss ${zLoss}: log Z ${logZ.toFixed(2)}, attention logits ≤ ${largest.toFixed()}`);
}

measure(false, 0);
measure(true, 1e-2);
