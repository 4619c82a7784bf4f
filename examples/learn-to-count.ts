// A small hybrid of Mamba and attention learns to count, in seconds. Run it with `node examples/learn-to-count.ts`.
import { AdamW, arange, backward, decayGroups, generateIds, initialWeights, Plamo2, preset, scope } from 'tsumugi';

using model = new Plamo2(preset('mini', { num_hidden_layers: 2, vocab_size: 32 }), initialWeights(0));
using optimizer = new AdamW(decayGroups(model));

const count = (from: number) =>
  arange(from, from + 64)
    .remainder(32)
    .view([1, 64]);
for (let step = 1; step <= 60; step++) {
  scope(() => {
    const { loss } = model.loss({ ids: count(step), targets: count(step + 1) }); // both [B, T]
    optimizer.zeroGrad();
    backward(loss);
    optimizer.step(3e-3);
    if (step % 20 === 0) console.log(`step ${step}: loss ${loss.item().toFixed(4)}`);
  }); // every tensor made in here is freed, except parameters and their gradients
}
console.log('after 5, 6, 7 come', [...generateIds(model, [5, 6, 7], { maxTokens: 8 })].join(', '));
