// Writing from the cache, one token at a time, one sequence, after a prompt of 512 tokens.
import { Cache, initialWeights, Plamo2 } from 'tsumugi/lm';
import { factoryDevice, noGrad, randint, scope, type Tensor } from 'tsumugi/torch';
import { say } from '../../scripts/device-check/say.ts';
import { modelConfigs } from './models.ts';
import { benchTypes } from './rates.ts';
import { callsPerSecond, isQuick } from './timing.ts';

/** The most probable next token after ids [B, T]: [B, 1]. */
const next = (model: Plamo2, ids: Tensor, cache: Cache): Tensor =>
  scope(() =>
    noGrad(() => {
      const hidden = model.forward(ids, { cache });
      return model.logits(hidden.narrow(1, ids.size(1) - 1, 1)).argmax(-1);
    }),
  );

for (const [name, config] of Object.entries(modelConfigs(isQuick)))
  for (const dtype of benchTypes) {
    const draw = initialWeights(1, factoryDevice());
    using model = new Plamo2(config, (path, shape) => scope(() => draw(path, shape).to(dtype)));
    using prompt = randint(0, config.vocab_size, [1, isQuick ? 16 : 512]);
    using cache = new Cache(model);
    let token = next(model, prompt, cache);
    const step = () => {
      const following = next(model, token, cache);
      token.dispose();
      token = following;
    };
    const rate = callsPerSecond(step, isQuick ? 0.1 : 1.5);
    token.dispose();
    say({ metric: { name: `decoding ${name}, ${dtype}`, value: rate, unit: 'tokens/s' } });
  }
